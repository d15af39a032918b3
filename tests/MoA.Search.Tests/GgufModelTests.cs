using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels.Gradients;
using MoA.Search.Profiling;
using MoA.Search.Tests.Profiling;
using MoA.Tests;

namespace MoA.Search.Tests;

/// <summary>A GGUF file, whose heads turn adjacent components, takes the place of a model folder in the search.</summary>
public sealed class GgufModelTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moa-search-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Loss_and_influence_equal_the_reference()
    {
        ProfilingFixture fixture = ProfilingFixture.Load("llama-gqa-llama3-n256");
        string file = GgufConverter.Convert(RepositoryFiles.Fixture("models", fixture.ModelName), Path("model.gguf"), null).File;
        using LoadedModel model = GgufModel.Load(file);
        Assert.Equal(RopePairs.Adjacent, model.Config.RopePairs);
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using InfluenceProfiler profiler = new(model, backend, fixture.Items[0].Length);
        ItemInfluence influence = profiler.Profile(fixture.Items[0]);
        Assert.InRange(Math.Abs(influence.Loss / fixture.Losses[0] - 1), 0, 1e-5);
        InfluenceBlocks.AssertClose(fixture.BlockSums[0], [.. influence.Layers.SelectMany(layer => layer)], influence.Blocks);
    }

    [Fact]
    public void A_fingerprint_tells_files_apart()
    {
        string file = GgufConverter.Convert(RepositoryFiles.DemoModel, Path("model.gguf"), ElementType.Q8_0).File;
        string first = Fingerprint(file);
        Assert.Equal(first, Fingerprint(file));
        byte[] whole = File.ReadAllBytes(file);
        int name = whole.AsSpan().IndexOf("demo"u8); // the value of general.name, in the metadata
        foreach (int place in new[] { name, whole.Length / 2, whole.Length / 3 * 2 + 1, whole.Length - 100 })
        {
            byte[] changed = [.. whole];
            changed[place] ^= 1;
            File.WriteAllBytes(file, changed);
            Assert.NotEqual(first, Fingerprint(file));
        }
    }

    [Fact]
    public void A_fingerprint_tells_converted_weights_from_those_stored()
    {
        Assert.NotEqual(Fingerprint(RepositoryFiles.DemoModel), Fingerprint(RepositoryFiles.DemoModel, ElementType.Q4_0));
        Assert.Equal(Fingerprint(RepositoryFiles.DemoModel, ElementType.Q8_0), Fingerprint(RepositoryFiles.DemoModel, ElementType.Q8_0));
    }

    private string Path(string name) => System.IO.Path.Combine(_folder, name);

    private static string Fingerprint(string file, ElementType? weights = null)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using LanguageModel model = LanguageModel.Load(file, backend, maxRows: 8, weights);
        return ModelFingerprint.Of(model);
    }
}
