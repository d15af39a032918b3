namespace MoA.Evaluation.Reports;

/// <summary>What a search was asked for; all lengths are in tokens.</summary>
public sealed record ReportSettings
{
    /// <summary>Lengths at which influence was measured.</summary>
    public required int[] ProfileLengths { get; init; }

    /// <summary>Lengths at which only the density is bound.</summary>
    public required int[] ExtensionLengths { get; init; }

    /// <summary>Length at which the plans were compared; not used in profiling.</summary>
    public required int ValidationLength { get; init; }

    /// <summary>Upper bound of the mean density by length; in (0, 1].</summary>
    public required IReadOnlyDictionary<int, double> DensityBounds { get; init; }

    /// <summary>The most distinct rules in a layer; null when there is no limit.</summary>
    public int? MaxRulesPerLayer { get; init; }

    /// <summary>Tokens at the start of a sequence that every head keeps.</summary>
    public required int SinkTokens { get; init; }

    /// <summary>Side of the blocks in which rows are counted, in tokens.</summary>
    public required int BlockSize { get; init; }

    /// <summary>Seed of everything drawn at random.</summary>
    public required long Seed { get; init; }

    /// <summary>Where the calibration items came from: a file, or "generated".</summary>
    public required string CalibrationData { get; init; }

    /// <summary>Calibration items by profile length.</summary>
    public required IReadOnlyDictionary<int, int> ItemsPerLength { get; init; }
}
