namespace MoA.Evaluation.Benchmarking;

/// <summary>Where the time of a step goes: a decode step of a batch, or the reading of one prompt. Means over the steps of one repeat.</summary>
internal sealed record PassProfile
{
    /// <summary>Steps that were timed.</summary>
    public required int Steps { get; init; }

    /// <summary>The operations in the order of a pass; what is none of them is the last.</summary>
    public required IReadOnlyList<OperationProfile> Operations { get; init; }

    /// <summary>The read bandwidth of all threads, measured before and after the steps; bytes a second.</summary>
    public required double BandwidthBytesPerSecond { get; init; }

    /// <summary>The whole step.</summary>
    public OperationProfile Step => Operations.Aggregate(new OperationProfile("step", 0, 0, 0, 0, 0, 0, 0, 0), (sum, one) => sum.Plus(one));

    /// <summary>Seconds that reading an operation's bytes takes at the bandwidth.</summary>
    public double ReadSeconds(OperationProfile operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return operation.Bytes / BandwidthBytesPerSecond;
    }

    /// <summary>Share of the bandwidth that an operation reaches.</summary>
    public double BandwidthShare(OperationProfile operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        return operation.BytesPerSecond / BandwidthBytesPerSecond;
    }
}
