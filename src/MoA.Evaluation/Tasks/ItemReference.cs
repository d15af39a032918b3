using System.Text.Json.Serialization;

namespace MoA.Evaluation.Tasks;

/// <summary>What an answer is compared with. It is stored beside the prediction, so that results can be scored again.</summary>
internal sealed record ItemReference
{
    /// <summary>Right answers; a prediction gets the best of its scores against them.</summary>
    public IReadOnlyList<string> Answers { get; init; } = [];

    /// <summary>All classes of a classification, or null.</summary>
    [JsonPropertyName("all_classes")]
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>Key words of the answer (LV-Eval), or null.</summary>
    [JsonPropertyName("gold_ans")]
    public string? Keywords { get; init; }

    /// <summary>Length of the item as its data set states it, in words or Chinese characters, or null.</summary>
    [JsonPropertyName("length")]
    public int? SourceLength { get; init; }

    /// <summary>Where the needed fact stands, from 0 (start of the document) to 1 (its end), or null.</summary>
    public double? Depth { get; init; }

    /// <summary>The groups, parted by commas, whose scores are also reported on their own, or null: LongBench-E's ranges of length, LongBench v2's difficulties and lengths.</summary>
    public string? Group { get; init; }

    /// <summary>The question or instruction itself, where outputs are stored with it, or null.</summary>
    public string? Input { get; init; }
}
