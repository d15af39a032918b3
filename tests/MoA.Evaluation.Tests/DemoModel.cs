using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Tests;

namespace MoA.Evaluation.Tests;

/// <summary>The small trained model, loaded once for the tests of a class, and a folder that is deleted with it.</summary>
public sealed class DemoModel : IDisposable
{
    private readonly ComputeBackend _backend = ComputeBackend.CreateCpu(2);
    private readonly string _folder = Directory.CreateTempSubdirectory("moa-evaluation-").FullName;

    public DemoModel() => Model = LanguageModel.Load(RepositoryFiles.DemoModel, _backend);

    public LanguageModel Model { get; }

    /// <summary>A path in the folder, with nothing there.</summary>
    public string NewPath() => Path.Combine(_folder, Guid.NewGuid().ToString());

    public void Dispose()
    {
        Model.Dispose();
        _backend.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
