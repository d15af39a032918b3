using System.Text;
using System.Text.Json.Nodes;
using MoA.Engine.Configuration;
using MoA.Engine.Files;

namespace MoA.Engine.Models;

/// <summary>The shapes of published models, and shapes given by hand.</summary>
internal static class ModelShape
{
    // A Llama's, where a shape is given by hand.
    private const string ByHand = """{"model_type": "llama", "vocab_size": 32000, "max_position_embeddings": 32768, "rms_norm_eps": 1e-5}""";

    private const int LargestNumber = 1 << 28;
    private const int LargestHead = 1 << 12, LargestWidth = 1 << 24, MostLayers = 1 << 14;

    // What a shape's keys are called in config.json, and which of them only some models have.
    private static readonly (string Key, string Name)[] Keys =
    [
        ("hidden", "hidden_size"), ("layers", "num_hidden_layers"), ("heads", "num_attention_heads"), ("kv-heads", "num_key_value_heads"),
        ("head-size", "head_dim"), ("intermediate", "intermediate_size"), ("vocabulary", "vocab_size"), ("context", "max_position_embeddings"),
    ];

    private static readonly (string Key, string[] Names, string What)[] KeysOfSome =
    [
        ("window", ["sliding_window"], "a window"),
        ("experts", ["num_local_experts", "num_experts"], "experts"),
        ("experts-used", ["num_experts_per_tok"], "experts"),
        ("expert-width", ["moe_intermediate_size"], "experts of another width than intermediate"),
    ];

    /// <summary>The names that <see cref="Parse"/> knows. vicuna-7b and vicuna-13b are those of version 1.5 for 16k tokens.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. ModelFamily.All.SelectMany(family => family.Shapes).Select(shape => shape.Name)];

    /// <summary>
    /// Reads a shape: one of <see cref="Names"/>, or sizes such as <c>hidden=1024,layers=16,heads=16</c>, or a name followed
    /// by sizes that differ. By hand, hidden, layers and heads are required and the model is a Llama; the rest has defaults: kv-heads as
    /// heads, head-size hidden/heads, intermediate four times hidden, vocabulary 32000, context 32768, tied false. A named
    /// model that has windows or experts takes window, experts, experts-used and expert-width too.
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

        JsonObject config = JsonNode.Parse(isNamed ? Find(parts[0]) : ByHand)!.AsObject();
        Apply(text, config, sizes);
        if (sizes.Count > 0)
            throw Refusal(text, $"the key \"{sizes.Keys.First()}\" is not known");
        Check(text, config);
        ModelConfig model = JsonField.Read($"--shape {text}", Encoding.UTF8.GetBytes(config.ToJsonString()), HuggingFaceConfig.Read);
        return model with { RopePairs = model.Architecture.GgufPairs, BosTokenId = null, EosTokenIds = [] };
    }

    private static string Find(string name)
    {
        foreach ((string known, string config) in ModelFamily.All.SelectMany(family => family.Shapes))
        {
            if (known == name)
                return config;
        }

        throw new InvalidInputException(
            $"--shape {name}: expected one of {string.Join(", ", Names)}, or sizes such as hidden=1024,layers=16,heads=16");
    }

    // Sizes that follow from others go with them, unless they are given too.
    private static void Apply(string text, JsonObject config, Dictionary<string, string> sizes)
    {
        int? heads = Number(config, "num_attention_heads"), hidden = Number(config, "hidden_size");
        foreach ((string key, string name) in Keys)
        {
            if (sizes.Remove(key, out string? value))
                config[name] = Number(text, key, value);
            else if (key is ("hidden" or "layers" or "heads") && !config.ContainsKey(name))
                throw Refusal(text, $"{key}=… is missing");
            else if (key == "kv-heads" && Number(config, "num_attention_heads") != heads)
                config[name] = Number(config, "num_attention_heads");
            else if (key == "head-size" && (Number(config, "num_attention_heads") != heads || Number(config, "hidden_size") != hidden))
                config[name] = Math.Max(Number(config, "hidden_size")!.Value / Number(config, "num_attention_heads")!.Value, 1);
            else if (key == "intermediate" && !config.ContainsKey(name))
                config[name] = 4 * Number(config, "hidden_size")!.Value;
        }

        foreach ((string key, string[] names, string what) in KeysOfSome)
        {
            if (sizes.Remove(key, out string? value))
                config[names.FirstOrDefault(config.ContainsKey) ?? throw Refusal(text, $"{key}=… is of models that have {what}")] = Number(text, key, value);
        }

        if (config.ContainsKey("query_pre_attn_scalar"))
            config["query_pre_attn_scalar"] = Number(config, "head_dim");
        if (sizes.Remove("tied", out string? given))
            config["tie_word_embeddings"] = bool.TryParse(given, out bool tied) ? tied : throw Refusal(text, $"tied={given}; expected true or false");
    }

    private static void Check(string text, JsonObject config)
    {
        int heads = Number(config, "num_attention_heads")!.Value, keyValueHeads = Number(config, "num_key_value_heads") ?? heads;
        int hidden = Number(config, "hidden_size")!.Value, headSize = Number(config, "head_dim") ?? hidden / heads;
        if (heads % keyValueHeads != 0)
            throw Refusal(text, $"heads={heads} is no multiple of kv-heads={keyValueHeads}");
        if (headSize % 2 != 0)
            throw Refusal(text, $"the size of a head is {headSize}; expected an even number: give head-size=…");
        if (heads > LargestHead || headSize > LargestHead || hidden > LargestWidth || Number(config, "intermediate_size") > LargestWidth ||
            Number(config, "num_hidden_layers") > MostLayers)
        {
            throw Refusal(text, $"a size is far beyond any model's; expected heads and head-size up to {LargestHead}, layers up to {MostLayers}, " +
                $"widths up to {LargestWidth}");
        }
    }

    private static int? Number(JsonObject config, string name) => config[name]?.GetValue<int>();

    private static int Number(string text, string key, string value) =>
        NumberText.TryWhole(value, out int number) && number is >= 1 and <= LargestNumber
            ? number
            : throw Refusal(text, $"{key}={value}; expected a whole number from 1 to {LargestNumber}");

    private static InvalidInputException Refusal(string text, string problem) => new(
        $"--shape {text}: {problem}; the keys are {string.Join(", ", Keys.Select(key => key.Key).Append("tied").Concat(KeysOfSome.Select(key => key.Key)))}");
}
