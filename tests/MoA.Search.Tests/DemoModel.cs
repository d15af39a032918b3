using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Tests;

namespace MoA.Search.Tests;

/// <summary>The small trained model, loaded once for the tests of a class.</summary>
public sealed class DemoModel : IDisposable
{
    private readonly ComputeBackend _backend = ComputeBackend.CreateCpu(2);

    public DemoModel() => Model = LanguageModel.Load(RepositoryFiles.DemoModel, _backend);

    public LanguageModel Model { get; }

    public void Dispose()
    {
        Model.Dispose();
        _backend.Dispose();
    }
}
