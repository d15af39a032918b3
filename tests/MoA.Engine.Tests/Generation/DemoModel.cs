using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Tests;

namespace MoA.Engine.Tests.Generation;

/// <summary>The small trained model: it answers questions about records of lines.</summary>
public sealed class DemoModel : IDisposable
{
    /// <summary>A record of eight lines with a question about the third.</summary>
    public const string Question = """
        Below is a record of lines. Remember the REGISTER_CONTENT of each line.
        line blunt-otter: REGISTER_CONTENT is <40893>
        line tidy-lake: REGISTER_CONTENT is <23743>
        line calm-river: REGISTER_CONTENT is <17265>
        line brave-stone: REGISTER_CONTENT is <31982>
        line quiet-field: REGISTER_CONTENT is <48120>
        What is the <REGISTER_CONTENT> in line calm-river?
        """;

    private readonly ComputeBackend _backend;

    public DemoModel()
        : this(2)
    {
    }

    internal DemoModel(int threads)
    {
        _backend = ComputeBackend.CreateCpu(threads);
        Model = LanguageModel.Load(RepositoryFiles.DemoModel, _backend);
    }

    public LanguageModel Model { get; }

    public void Dispose()
    {
        Model.Dispose();
        _backend.Dispose();
    }
}
