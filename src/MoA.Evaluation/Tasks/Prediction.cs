using System.Text.Json.Serialization;

namespace MoA.Evaluation.Tasks;

/// <summary>What a model made of an item: one line of <c>predictions.jsonl</c>.</summary>
internal sealed record Prediction
{
    /// <summary>The item.</summary>
    public required string Id { get; init; }

    /// <summary>A hash of everything that the result depends on.</summary>
    public required string Key { get; init; }

    /// <summary>The answer without special tokens; null for a text that was only scored.</summary>
    [JsonPropertyName("pred")]
    public string? Text { get; init; }

    /// <summary>Tokens read.</summary>
    public required int PromptTokens { get; init; }

    /// <summary>Tokens written.</summary>
    public int NewTokens { get; init; }

    /// <summary>Bytes of the sequence's caches.</summary>
    public required long KvBytes { get; init; }

    /// <summary>The most bytes that they took at one time; 0 where only texts were scored, and in results of older versions.</summary>
    public long PeakKvBytes { get; init; }

    /// <summary>Tokens whose probability was measured.</summary>
    public int Scored { get; init; }

    /// <summary>Sum of the natural logarithms of their probabilities.</summary>
    public double LogProbability { get; init; }

    /// <summary>What the answer is compared with.</summary>
    public required ItemReference Reference { get; init; }
}
