using MoA.Engine.Files;

namespace MoA.Engine.Configuration;

/// <summary>
/// How the makers of a model want it sampled (<c>generation_config.json</c>). Null means that the file does not say.
/// </summary>
internal sealed record GenerationConfig
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

    /// <summary>Divides the positive logits of tokens that are there already, and multiplies the negative ones; above 0, 1: none.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>Taken from a token's logit for each time that it was written; 0: none.</summary>
    public double? FrequencyPenalty { get; init; }

    /// <summary>Taken from the logit of every token that was written; 0: none.</summary>
    public double? PresencePenalty { get; init; }

    /// <summary>How many of the last tokens the penalties look at; null: all.</summary>
    public int? PenaltyLastN { get; init; }

    /// <summary>No sequence of so many tokens may come twice; 0: any may.</summary>
    public int? NoRepeatNgramSize { get; init; }

    /// <summary>The most new tokens.</summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>Texts that end the output; empty if the file does not say.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>What else the file asks for, which is not applied: each setting with its value, as in <c>num_beams 4</c>.</summary>
    public IReadOnlyList<string> NotApplied { get; init; } = [];

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
        RepetitionPenalty = file["repetition_penalty"].AsOptionalNumber(0.001, 1000),
        FrequencyPenalty = file["frequency_penalty"].AsOptionalNumber(-100, 100),
        PresencePenalty = file["presence_penalty"].AsOptionalNumber(-100, 100),
        NoRepeatNgramSize = file["no_repeat_ngram_size"].AsOptionalIntegerOrNone(0, int.MaxValue),
        MaxNewTokens = file["max_new_tokens"].AsOptionalIntegerOrNone(1, int.MaxValue),
        StopStrings = file["stop_strings"] is { IsArray: true } list
            ? [.. list.Items().Select(stop => stop.AsString())]
            : file["stop_strings"].AsOptionalString() is string stop ? [stop] : [],
        NotApplied = UnappliedSettings.Find(file),
        EosTokenIds = file["eos_token_id"].AsTokenIds(int.MaxValue),
        MaxLength = file["max_length"].AsOptionalIntegerOrNone(1, int.MaxValue),
    };
}
