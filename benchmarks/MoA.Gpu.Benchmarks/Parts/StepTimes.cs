namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>Decode steps of a batch.</summary>
/// <param name="Batch">Sequences.</param>
/// <param name="AtContexts">Seconds of a step at each context.</param>
/// <param name="Seconds">Of a step, on the average over a generation.</param>
/// <param name="HostSeconds">Until the processor has launched a pass.</param>
/// <param name="Bytes">That a step must read.</param>
/// <param name="KvBytes">Of the caches.</param>
/// <param name="PeakBytes">Of the device's memory, weights and activations included.</param>
/// <param name="JoulesPerToken">Null where nothing counts them.</param>
internal sealed record StepTimes(
    int Batch, IReadOnlyList<double> AtContexts, double Seconds, double HostSeconds, double Bytes, long KvBytes, long PeakBytes, double? JoulesPerToken)
{
    public double TokensPerSecond => Batch / Seconds;

    /// <summary>The figures of a row.</summary>
    /// <param name="copyBandwidth">What reading is compared with, bytes a second.</param>
    public (string Key, object? Value)[] Figures(double copyBandwidth) =>
    [
        ("batch", Batch), ("tokensPerSecond", TokensPerSecond), ("stepMs", 1000 * Seconds), ("firstStepMs", 1000 * AtContexts[0]),
        ("lastStepMs", 1000 * AtContexts[^1]), ("hostMs", 1000 * HostSeconds), ("bytesPerStep", Bytes), ("shareOfCopying", Bytes / Seconds / copyBandwidth),
        ("kvBytes", KvBytes), ("peakBytes", PeakBytes), ("joulesPerToken", JoulesPerToken),
    ];
}
