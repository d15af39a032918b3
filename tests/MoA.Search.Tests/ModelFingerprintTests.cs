using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Search.Profiling;
using MoA.Tests;

namespace MoA.Search.Tests;

/// <summary>A tuned model differs from its base in a few numbers anywhere; work of the one is never taken for the other's.</summary>
public sealed class ModelFingerprintTests : IDisposable
{
    private const string WeightsFile = "model.safetensors";

    private readonly string _folder = Directory.CreateTempSubdirectory("moa-search-").FullName;

    public ModelFingerprintTests()
    {
        foreach (string file in Directory.EnumerateFiles(RepositoryFiles.DemoModel))
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_byte_of_the_weights_counts_for_every_kind_of_kept_work()
    {
        (string Model, string Profile) first = Fingerprints();
        Assert.Equal(first, Fingerprints());
        Assert.Equal(first, Fingerprints(threads: 3));
        string path = Path.Combine(_folder, WeightsFile);
        byte[] whole = File.ReadAllBytes(path);
        int start = 8 + (int)BitConverter.ToInt64(whole);
        HashSet<string> seen = [first.Model, first.Profile];
        for (int eighth = 0; eighth < 8; eighth++)
        {
            byte[] changed = [.. whole];
            changed[start + (whole.Length - start) / 8 * eighth + 100_002] ^= 1; // the lowest bit of a number
            File.WriteAllBytes(path, changed);
            (string model, string profile) = Fingerprints();
            Assert.True(seen.Add(model) && seen.Add(profile), $"eighth {eighth}");
        }
    }

    [Fact]
    public void Files_that_make_the_model_count_and_others_do_not()
    {
        (string Model, string Profile) first = Fingerprints();
        File.WriteAllText(Path.Combine(_folder, "README.md"), "notes");
        File.WriteAllText(Path.Combine(_folder, "influence-64.safetensors"), "results beside the model");
        Assert.Equal(first, Fingerprints());
        File.AppendAllText(Path.Combine(_folder, "tokenizer_config.json"), " ");
        Assert.NotEqual(first.Model, Fingerprints().Model);
    }

    [Fact]
    public void A_chat_template_that_somebody_chose_counts()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        HashSet<string> seen = [];
        foreach (string? template in new[] { null, "chatml", "vicuna" })
        {
            using LanguageModel model = LanguageModel.Load(_folder, backend, maxRows: 8, chatTemplate: template);
            Assert.True(seen.Add(ModelFingerprint.Of(model)), template);
        }
    }

    /// <summary>The same tensors in two files are the same model, as they are for every result.</summary>
    [Fact]
    public void Weights_may_be_cut_into_other_files()
    {
        (string Model, string Profile) first = Fingerprints();
        string single = Path.Combine(_folder, WeightsFile);
        List<string> names = [];
        using (SafetensorsFile file = SafetensorsFile.Open(single))
        {
            names.AddRange(file.Names.Order(StringComparer.Ordinal));
            for (int shard = 0; shard < 2; shard++)
            {
                SafetensorsWriter.Write(Path.Combine(_folder, $"shard-{shard}.safetensors"), null, names.Where((_, i) => i % 2 == shard)
                    .Select(name => (name, file[name].DType, file[name].Shape, Bytes(file[name]))));
            }
        }

        File.Delete(single);
        File.WriteAllText(Path.Combine(_folder, WeightsFile + ".index.json"),
            $"{{\"weight_map\":{{{string.Join(',', names.Select((name, i) => $"\"{name}\":\"shard-{i % 2}.safetensors\""))}}}}}");
        Assert.Equal(first, Fingerprints());
    }

    private static unsafe ReadOnlyMemory<byte> Bytes(SafetensorsEntry entry) =>
        new ReadOnlySpan<byte>(entry.Data, (int)entry.Length).ToArray();

    private (string Model, string Profile) Fingerprints(int threads = 1)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(threads);
        using LanguageModel model = LanguageModel.Load(_folder, backend, maxRows: 8);
        return (ModelFingerprint.Of(model), WorkFingerprint.Of(model.Loaded, 64, []));
    }
}
