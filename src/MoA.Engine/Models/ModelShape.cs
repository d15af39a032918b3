using MoA.Engine.Configuration;

namespace MoA.Engine.Models;

/// <summary>The shapes of published models, and shapes given by hand.</summary>
public static class ModelShape
{
    private static readonly (string Name, ModelConfig Config)[] Known =
    [
        ("llama-3.2-1b", Llama(2048, 16, 32, 8, 64, 8192, 128_256, 500_000, new RopeScaling.Llama3(32, 1, 4, 8192)) with
        {
            MaxPositions = 131_072,
            TieWordEmbeddings = true,
        }),
        ("llama-3-8b", Llama(4096, 32, 32, 8, 128, 14_336, 128_256, 500_000) with { MaxPositions = 8192 }),
        ("vicuna-7b", Llama(4096, 32, 32, 32, 128, 11_008, 32_000, scaling: new RopeScaling.Linear(4)) with { MaxPositions = 16_384 }),
        ("vicuna-13b", Llama(5120, 40, 40, 40, 128, 13_824, 32_000, scaling: new RopeScaling.Linear(4)) with { MaxPositions = 16_384 }),
        ("qwen2.5-0.5b", Llama(896, 24, 14, 2, 64, 4864, 151_936, 1_000_000) with
        {
            Architecture = ModelFamily.Named("Qwen2"),
            RopePairs = RopePairs.Halves,
            MaxPositions = 32_768,
            RmsNormEpsilon = 1e-6,
            TieWordEmbeddings = true,
        }),
    ];

    /// <summary>The names that <see cref="Parse"/> knows. vicuna-7b and vicuna-13b are those of version 1.5 for 16k tokens.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Known.Select(known => known.Name)];

    /// <summary>
    /// Reads a shape: one of <see cref="Names"/>, or sizes such as <c>hidden=1024,layers=16,heads=16</c>, or a name followed
    /// by sizes that differ. By hand, hidden, layers and heads are required; the rest has defaults: kv-heads as heads,
    /// head-size hidden/heads, intermediate four times hidden, vocabulary 32000, context 32768, tied false.
    /// </summary>
    /// <exception cref="InvalidInputException">A name or key is not known, or a number is out of range.</exception>
    public static ModelConfig Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(',');
        bool isNamed = !parts[0].Contains('=', StringComparison.Ordinal);
        Dictionary<string, string> sizes = new(StringComparer.Ordinal);
        foreach (string part in isNamed ? parts[1..] : parts)
        {
            if (part.Split('=') is not [{ Length: > 0 } key, string value] || !sizes.TryAdd(key, value))
                throw Refusal(text, $"\"{part}\"; expected key=value, each key once");
        }

        ModelConfig config = Apply(text, isNamed ? Find(parts[0]) : FromRequired(text, sizes), sizes);
        if (sizes.Count > 0)
            throw Refusal(text, $"the key \"{sizes.Keys.First()}\" is not known");
        return Check(text, config);
    }

    private static ModelConfig Find(string name)
    {
        foreach ((string known, ModelConfig config) in Known)
        {
            if (known == name)
                return config;
        }

        throw new InvalidInputException(
            $"--shape {name}: expected one of {string.Join(", ", Names)}, or sizes such as hidden=1024,layers=16,heads=16");
    }

    private static ModelConfig FromRequired(string text, Dictionary<string, string> sizes)
    {
        int hidden = Required("hidden"), heads = Required("heads");
        return Llama(hidden, Required("layers"), heads, heads, Math.Max(hidden / heads, 1), 4 * hidden, 32_000) with { MaxPositions = 32_768 };

        int Required(string key) => sizes.TryGetValue(key, out string? value)
            ? Number(text, key, value)
            : throw Refusal(text, $"{key}=… is missing");
    }

    private static ModelConfig Apply(string text, ModelConfig config, Dictionary<string, string> sizes)
    {
        bool tied = config.TieWordEmbeddings;
        if (sizes.Remove("tied", out string? given) && !bool.TryParse(given, out tied))
            throw Refusal(text, $"tied={given}; expected true or false");
        int hidden = Take("hidden", config.HiddenSize), heads = Take("heads", config.QueryHeads);
        LayerDescription layer = config.LayerDescriptions[0];
        bool headsChanged = hidden != config.HiddenSize || heads != config.QueryHeads;
        return config with
        {
            HiddenSize = hidden,
            LayerDescriptions = [.. Enumerable.Repeat(layer with { FeedForward = layer.FeedForward with { IntermediateSize = Take("intermediate", config.IntermediateSize) } }, Take("layers", config.Layers))],
            QueryHeads = heads,
            KeyValueHeads = Take("kv-heads", heads == config.QueryHeads ? config.KeyValueHeads : heads),
            HeadSize = Take("head-size", headsChanged ? Math.Max(hidden / heads, 1) : config.HeadSize),
            VocabularySize = Take("vocabulary", config.VocabularySize),
            MaxPositions = Take("context", config.MaxPositions),
            TieWordEmbeddings = tied,
        };

        int Take(string key, int missing) => sizes.Remove(key, out string? value) ? Number(text, key, value) : missing;
    }

    private static ModelConfig Check(string text, ModelConfig config)
    {
        if (config.QueryHeads % config.KeyValueHeads != 0)
            throw Refusal(text, $"heads={config.QueryHeads} is no multiple of kv-heads={config.KeyValueHeads}");
        if (config.HeadSize % 2 != 0)
            throw Refusal(text, $"the size of a head is {config.HeadSize}; expected an even number: give head-size=…");
        if (config.QueryHeads > 1 << 12 || config.HeadSize > 1 << 12 || config.HiddenSize > 1 << 24 || config.IntermediateSize > 1 << 24 ||
            config.Layers > 1 << 14)
        {
            throw Refusal(text, "a size is far beyond any model's; expected heads and head-size up to 4096, layers up to 16384, " +
                "widths up to 16777216");
        }

        return config;
    }

    private static int Number(string text, string key, string value) =>
        NumberText.TryWhole(value, out int number) && number is >= 1 and <= 1 << 28
            ? number
            : throw Refusal(text, $"{key}={value}; expected a whole number from 1 to {1 << 28}");

    private static InvalidInputException Refusal(string text, string problem) => new(
        $"--shape {text}: {problem}; the keys are hidden, layers, heads, kv-heads, head-size, intermediate, vocabulary, context, tied");

    private static ModelConfig Llama(
        int hidden, int layers, int queryHeads, int keyValueHeads, int headSize, int intermediate, int vocabulary, double theta = 10_000,
        RopeScaling? scaling = null) => new()
        {
            Architecture = ModelFamily.Named("Llama"),
            LayerDescriptions = [.. Enumerable.Repeat(
                new LayerDescription
                {
                    Rope = new RopeSettings(theta, scaling ?? new RopeScaling.None()),
                    FeedForward = new FeedForwardDescription { IntermediateSize = intermediate },
                },
                layers)],
            HiddenSize = hidden,
            QueryHeads = queryHeads,
            KeyValueHeads = keyValueHeads,
            HeadSize = headSize,
            VocabularySize = vocabulary,
            MaxPositions = 4096,
            RmsNormEpsilon = 1e-5,
            RopePairs = RopePairs.Adjacent,
        };
}
