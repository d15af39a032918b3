using MoA.Cluster.Units;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Tests;

namespace MoA.Cluster.Tests.Units;

/// <summary>The model that comes with the program, as units ask for it.</summary>
internal static class UnitTestModel
{
    /// <summary>Its fingerprint.</summary>
    public static string Fingerprint { get; } = Read();

    /// <summary>The model of a unit.</summary>
    public static UnitModel Model => new() { Name = "", Fingerprint = Fingerprint, Version = "test" };

    private static string Read()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend);
        return ModelFingerprint.Of(model);
    }
}
