namespace MoA.Evaluation.Estimates;

/// <summary>What a run would take and write, said before it begins.</summary>
internal sealed record RunEstimate
{
    /// <summary>What is held together at the peak.</summary>
    public required IReadOnlyList<EstimatedMemory> Memory { get; init; }

    /// <summary>The steps.</summary>
    public required IReadOnlyList<EstimatedTime> Times { get; init; }

    /// <summary>Files and folders that would be written or replaced; none for a run that only prints.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>What the times rest on.</summary>
    public required string Basis { get; init; }

    /// <summary>All memory together, in bytes.</summary>
    public long Bytes => Memory.Sum(part => part.Bytes);

    /// <summary>What is held beside weights and activations: caches, and what a step works in.</summary>
    public long BytesBesideModel => Memory.Where(part => part.Part is not (ModelMemory.Weights or ModelMemory.Activations)).Sum(part => part.Bytes);

    /// <summary>All steps together that are known, in seconds; null if none is.</summary>
    public double? Seconds => Times.All(time => time.Seconds is null) ? null : Times.Sum(time => time.Seconds ?? 0);
}
