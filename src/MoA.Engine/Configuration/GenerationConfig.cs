using MoA.Engine.Files;

namespace MoA.Engine.Configuration;

/// <summary>
/// How the makers of a model want it sampled (<c>generation_config.json</c>). Null means that the file does not say.
/// </summary>
public sealed record GenerationConfig
{
    /// <summary>The name of the file in a model folder.</summary>
    public const string FileName = "generation_config.json";

    /// <summary>Whether to sample; false or null: take the most likely token.</summary>
    public bool? DoSample { get; init; }

    /// <summary>Divides the logits; at least 0, and 0 means the most likely token.</summary>
    public double? Temperature { get; init; }

    /// <summary>How many of the most likely tokens are kept; 0: all.</summary>
    public int? TopK { get; init; }

    /// <summary>The probability that the most likely tokens kept must reach together; from 0 to 1.</summary>
    public double? TopP { get; init; }

    /// <summary>The least probability kept, as a share of the most likely token's; from 0 to 1.</summary>
    public double? MinP { get; init; }

    /// <summary>Tokens that end a sequence; empty if the file does not say.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>The most tokens of prompt and answer together.</summary>
    public int? MaxLength { get; init; }

    /// <summary>Reads <see cref="FileName"/> in a model folder; without the file, nothing is said.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read or a value is out of range.</exception>
    public static GenerationConfig Load(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        string path = Path.Combine(folder, FileName);
        return File.Exists(path) ? JsonField.ReadFile(path, Read) : new GenerationConfig();
    }

    // -1 is how vLLM and others write "all tokens" and "none".
    private static GenerationConfig Read(JsonField file) => new()
    {
        DoSample = file["do_sample"].AsOptionalBoolean(),
        Temperature = file["temperature"].AsOptionalNumber(0, 1000),
        TopK = file["top_k"] is { HasValue: true } topK ? topK.AsOptionalIntegerOrNone(0, int.MaxValue) ?? 0 : null,
        TopP = file["top_p"].AsOptionalNumber(0, 1),
        MinP = file["min_p"].AsOptionalNumber(0, 1),
        EosTokenIds = file["eos_token_id"].AsTokenIds(int.MaxValue),
        MaxLength = file["max_length"].AsOptionalIntegerOrNone(1, int.MaxValue),
    };
}
