namespace MoA.Evaluation.Benchmarking;

/// <summary>One row to be measured.</summary>
/// <param name="Policy">The policy.</param>
/// <param name="Length">Tokens of context of each sequence.</param>
/// <param name="Batch">Sequences.</param>
/// <param name="CacheBytes">Bytes of all their caches, as they will be allocated.</param>
internal readonly record struct BenchmarkCase(BenchmarkPolicy Policy, int Length, int Batch, long CacheBytes)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Policy.Label}, {Batch} × {Length}";
}
