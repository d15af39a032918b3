using MoA.Engine.Numerics;

namespace MoA.Search.Pipeline;

/// <summary>What the calibrate step is asked for.</summary>
internal sealed record CalibrationStepSettings
{
    /// <summary>Lengths to profile at, in tokens.</summary>
    public required IReadOnlyList<int> ProfileLengths { get; init; }

    /// <summary>Length to validate at.</summary>
    public required int ValidationLength { get; init; }

    /// <summary>Items for each profile length.</summary>
    public required int ItemsPerLength { get; init; }

    /// <summary>Items to validate on.</summary>
    public required int ValidationItems { get; init; }

    /// <summary>Most tokens of an answer.</summary>
    public required int MaxAnswerTokens { get; init; }

    /// <summary>Conversations to use; null generates documents.</summary>
    public string? DataFile { get; init; }

    /// <summary>Conversations to validate on; null takes them from <see cref="DataFile"/>, or generates documents.</summary>
    public string? ValidationDataFile { get; init; }

    /// <summary>Keeps the answers of the data.</summary>
    public bool KeepAnswers { get; init; }

    /// <summary>Seed of generated documents.</summary>
    public ulong Seed { get; init; }

    /// <summary>Format of the KV rows while answering.</summary>
    public ElementType CacheType { get; init; } = ElementType.BF16;
}
