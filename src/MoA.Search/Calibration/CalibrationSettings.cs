namespace MoA.Search.Calibration;

/// <summary>What a calibration set is made of.</summary>
internal sealed record CalibrationSettings
{
    /// <summary>Target lengths in tokens.</summary>
    public required IReadOnlyList<int> Lengths { get; init; }

    /// <summary>Items for each length.</summary>
    public required int ItemsPerLength { get; init; }

    /// <summary>What the set is for; generated sets of different splits share no item.</summary>
    public required CalibrationSplit Split { get; init; }

    /// <summary>Conversations to use (.jsonl); null generates documents.</summary>
    public string? DataFile { get; init; }

    /// <summary>Keeps the answers of the data rather than letting the model write its own.</summary>
    public bool KeepAnswers { get; init; }

    /// <summary>Most tokens of an answer that the model writes.</summary>
    public required int MaxAnswerTokens { get; init; }

    /// <summary>Seed of generated documents.</summary>
    public ulong Seed { get; init; }
}
