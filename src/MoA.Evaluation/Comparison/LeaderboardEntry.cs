namespace MoA.Evaluation.Comparison;

/// <summary>One policy with its settings on a <see cref="Leaderboard"/>.</summary>
internal sealed record LeaderboardEntry
{
    /// <summary>The policy's name.</summary>
    public required string Policy { get; init; }

    /// <summary>The policy with its settings.</summary>
    public required string PolicySetting { get; init; }

    /// <summary>Where the numbers were published, if they are not of a run.</summary>
    public string? Source { get; init; }

    /// <summary>Mean of the tasks in [0, 1]; null if one of them was not run.</summary>
    public double? Mean { get; init; }

    /// <summary>Lower end of the mean's 95% interval, tasks taken as independent.</summary>
    public double? Low { get; init; }

    /// <summary>Upper end of the mean's 95% interval.</summary>
    public double? High { get; init; }

    /// <summary>Accuracy in each task of the board; null where it was not run.</summary>
    public required IReadOnlyList<double?> Tasks { get; init; }

    /// <summary>Stored share of a full cache as the policy's settings say it.</summary>
    public double? Density { get; init; }

    /// <summary>Bytes that caches held at their ends, as a share of what dense attention's held; null without its results.</summary>
    public double? StoredShare { get; init; }

    /// <summary>The most bytes that caches took at one time, as a share of the same of dense attention.</summary>
    public double? PeakShare { get; init; }

    /// <summary>Tokens a second of reading prompts, as a multiple of dense attention's.</summary>
    public double? PromptSpeed { get; init; }

    /// <summary>Tokens a second of writing answers, as a multiple of dense attention's.</summary>
    public double? AnswerSpeed { get; init; }

    /// <summary>How many times prompts are read.</summary>
    public int PromptReadings { get; init; } = 1;
}
