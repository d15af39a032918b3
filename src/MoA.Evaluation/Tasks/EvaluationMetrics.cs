using System.Text.Json.Serialization;

namespace MoA.Evaluation.Tasks;

/// <summary><c>metrics.json</c> of a result folder: how a policy did on a set.</summary>
internal sealed record EvaluationMetrics
{
    /// <summary>The task's name on the command line.</summary>
    public required string Task { get; init; }

    /// <summary>The data set of the task, or null.</summary>
    public string? Dataset { get; init; }

    /// <summary>The task, with its data set.</summary>
    [JsonIgnore]
    public string TaskName => Dataset is null ? Task : $"{Task} {Dataset}";

    /// <summary>Where the items come from; null in results of older versions.</summary>
    public string? Source { get; init; }

    /// <summary>The model's name.</summary>
    public required string Model { get; init; }

    /// <summary>The policy's name.</summary>
    public required string Policy { get; init; }

    /// <summary>The policy with its settings.</summary>
    public required string PolicySetting { get; init; }

    /// <summary>Most tokens of prompt and answer together.</summary>
    public required int Length { get; init; }

    /// <summary>Number of items.</summary>
    public required int Items { get; init; }

    /// <summary>Mean score in [0, 1]; null for perplexity and for answers that others judge.</summary>
    public double? Accuracy { get; init; }

    /// <summary>Lower end of the accuracy's 95% confidence interval.</summary>
    public double? Low { get; init; }

    /// <summary>Upper end of the accuracy's 95% confidence interval.</summary>
    public double? High { get; init; }

    /// <summary>Stored share of a full cache at the length.</summary>
    public required double Density { get; init; }

    /// <summary>Bytes of one sequence's caches, the mean over the items.</summary>
    public required long KvBytes { get; init; }

    /// <summary>The most bytes that one sequence's caches took at one time, the mean over the items; null where that was not measured.</summary>
    public long? PeakKvBytes { get; init; }

    /// <summary>Mean negative log-probability of the scored tokens, in nats; null for tasks that write answers.</summary>
    public double? MeanCrossEntropy { get; init; }

    /// <summary>exp of the mean cross-entropy.</summary>
    public double? Perplexity { get; init; }

    /// <summary>Number of tokens whose probability was measured.</summary>
    public long? ScoredTokens { get; init; }

    /// <summary>Accuracy in each bin of depth from the document's start to its end, null for an empty one.</summary>
    public IReadOnlyList<double?>? ByDepth { get; init; }

    /// <summary>Accuracy and items of each group.</summary>
    public IReadOnlyDictionary<string, GroupScore>? ByGroup { get; init; }

    /// <summary>The score of each item, in order; null where there is no accuracy.</summary>
    public IReadOnlyList<double>? Scores { get; init; }

    /// <summary>Tokens that went through the model.</summary>
    public long Tokens { get; init; }

    /// <summary>Wall-clock time of the pieces of the run together.</summary>
    public double Seconds { get; init; }

    /// <summary>Tokens of prompts and answers a second; 0 where nothing was timed.</summary>
    public double TokensPerSecond { get; init; }

    /// <summary>Tokens a second in the steps that read prompts and chose which rows stay; null where they were not told apart.</summary>
    public double? PromptTokensPerSecond { get; init; }

    /// <summary>Tokens a second in the steps that wrote answers; null where they were not told apart.</summary>
    public double? AnswerTokensPerSecond { get; init; }
}
