using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Models;

/// <summary>A tiny reference model with its input and expected logits.</summary>
internal sealed class ModelFixture : IDisposable
{
    /// <summary>Those with routers, which choose experts by whatever small difference.</summary>
    public static readonly string[] OfExperts = ["mixtral", "qwen3-moe", "gpt-oss", "gpt-oss-mxfp4"];

    public static readonly string[] Names =
    [
        "llama-mha", "llama-gqa-llama3", "llama-linear", "mistral", "qwen2-bf16", "qwen3", "llama-mha-pt", "llama-mha-pt-f16",
        "llama-rope-parameters", "llama-dynamic", "qwen2-yarn", "phi3-longrope", "phi3-partial",
        "gemma2", "gemma3", "smollm3", "olmo2", "granite",
        .. OfExperts,
    ];

    private ModelFixture(string name)
    {
        Model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", name));
        using JsonDocument input = JsonDocument.Parse(
            File.ReadAllText(RepositoryFiles.Fixture("models", name, "input.json")));
        Tokens = [.. input.RootElement.GetProperty("input_ids").EnumerateArray().Select(id => id.GetInt32())];
        MeanCrossEntropy = input.RootElement.GetProperty("mean_cross_entropy_all_positions").GetDouble();
        using SafetensorsFile expected = SafetensorsFile.Open(
            RepositoryFiles.Fixture("models", name, "expected.safetensors"));
        Logits = expected.ReadFloats("logits");
    }

    public LoadedModel Model { get; }

    public int[] Tokens { get; }

    public float[] Logits { get; }

    public double MeanCrossEntropy { get; }

    public static ModelFixture Load(string name) => new(name);

    /// <summary>Logits of every position, prefilled in chunks (or decoded one by one after the first token).</summary>
    public static float[] Run(
        Transformer transformer, SequenceCache sequence, ReadOnlySpan<int> tokens, int chunk, AttentionMode mode)
    {
        int vocabulary = transformer.Config.VocabularySize;
        float[] logits = new float[tokens.Length * vocabulary];
        ForwardBatch batch = transformer.CreateBatch();
        for (int start = 0; start < tokens.Length; start += chunk)
        {
            int count = Math.Min(chunk, tokens.Length - start);
            batch.Clear();
            int first = batch.Add(sequence, tokens.Slice(start, count), mode);
            transformer.Forward(batch);
            ReadLogits(transformer, batch, first, count, logits.AsSpan(start * vocabulary));
        }

        return logits;
    }

    public static void ReadLogits(Transformer transformer, ForwardBatch batch, int first, int count, Span<float> destination)
    {
        int vocabulary = transformer.Config.VocabularySize;
        for (int row = 0; row < count; row += Transformer.MaxLogitRows)
        {
            int[] rows = [.. Enumerable.Range(first + row, Math.Min(Transformer.MaxLogitRows, count - row))];
            transformer.Logits(batch, rows, destination[(row * vocabulary)..]);
        }
    }

    /// <summary>The largest difference, relative to the largest magnitude of the expected values.</summary>
    public static double RelativeError(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = 0, difference = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.True(float.IsFinite(actual[i]), $"element {i} is {actual[i]}");
            largest = Math.Max(largest, Math.Abs(expected[i]));
            difference = Math.Max(difference, Math.Abs(actual[i] - expected[i]));
        }

        return difference / largest;
    }

    public void Dispose() => Model.Dispose();
}
