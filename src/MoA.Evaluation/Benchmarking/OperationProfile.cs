namespace MoA.Evaluation.Benchmarking;

/// <summary>
/// What one operation of a step takes, over all layers; times are means over the threads, so that
/// <c>KernelSeconds + StartSeconds + EndSeconds + SerialSeconds = Seconds</c>.
/// </summary>
/// <param name="Operation">Its name.</param>
/// <param name="Jobs">Jobs that the threads shared.</param>
/// <param name="Seconds">From its start to that of the next operation.</param>
/// <param name="KernelSeconds">Threads work on items of its jobs.</param>
/// <param name="StartSeconds">A job has started, but a thread has no item of it yet: it must wake up, or be given the processor.</param>
/// <param name="EndSeconds">A thread finds no further item, and others still work.</param>
/// <param name="SerialSeconds">No job runs: the calling thread works alone, between jobs.</param>
/// <param name="Bytes">Weights and KV rows that must be read.</param>
/// <param name="Flop">Multiplications and additions of products and attention, of integers too.</param>
internal sealed record OperationProfile(
    string Operation, double Jobs, double Seconds, double KernelSeconds, double StartSeconds, double EndSeconds, double SerialSeconds, double Bytes, double Flop)
{
    /// <summary>Bytes that it reads in a second; 0 where no clock tells its time.</summary>
    public double BytesPerSecond => Seconds > 0 ? Bytes / Seconds : 0;

    /// <summary>Multiplications and additions in a second; 0 where no clock tells its time.</summary>
    public double FlopPerSecond => Seconds > 0 ? Flop / Seconds : 0;

    /// <summary>The sum of two operations, under this one's name.</summary>
    internal OperationProfile Plus(OperationProfile other) => new(
        Operation, Jobs + other.Jobs, Seconds + other.Seconds, KernelSeconds + other.KernelSeconds, StartSeconds + other.StartSeconds,
        EndSeconds + other.EndSeconds, SerialSeconds + other.SerialSeconds, Bytes + other.Bytes, Flop + other.Flop);
}
