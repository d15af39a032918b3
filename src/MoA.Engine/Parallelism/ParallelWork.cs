namespace MoA.Engine.Parallelism;

/// <summary>Loops over files and weights, which no backend's <see cref="WorkerPool"/> runs.</summary>
internal static class ParallelWork
{
    /// <summary>Options of such a loop.</summary>
    /// <param name="threads">Most threads; 0 means one for each processor.</param>
    /// <param name="cancellation">Ends the loop.</param>
    public static ParallelOptions Options(int threads, CancellationToken cancellation) => new()
    {
        MaxDegreeOfParallelism = threads > 0 ? threads : Environment.ProcessorCount,
        CancellationToken = cancellation,
    };
}
