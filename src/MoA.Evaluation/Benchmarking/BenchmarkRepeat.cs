namespace MoA.Evaluation.Benchmarking;

/// <summary>One of the repeated measurements of a case.</summary>
/// <param name="PrefillSeconds">Reading, or filling, of all contexts.</param>
/// <param name="DecodeSeconds">All steps, but for <paramref name="DrawSeconds"/>.</param>
/// <param name="DrawSeconds">Drawing as the settings say.</param>
/// <param name="PeakBytes">The most bytes resident.</param>
/// <param name="PeakIsOfRow">Whether they are this measurement's own.</param>
/// <param name="KvBytes">Bytes of the caches at the end.</param>
/// <param name="BytesPerStep">Bytes that a step must read.</param>
/// <param name="Bandwidth">Bytes a second that could be read, before and after.</param>
/// <param name="PrefillJoules">Joules of reading the prompts.</param>
/// <param name="DecodeJoules">Joules of the steps.</param>
/// <param name="WhyNoEnergy">Why they are not told.</param>
/// <param name="Prefill">The time of the prompts' operations, if asked for.</param>
/// <param name="Decode">The time of the steps' operations, if asked for.</param>
internal readonly record struct BenchmarkRepeat(
    double PrefillSeconds, double DecodeSeconds, double DrawSeconds, long PeakBytes, bool PeakIsOfRow, long KvBytes, double BytesPerStep, double Bandwidth,
    double? PrefillJoules, double? DecodeJoules, string? WhyNoEnergy, PassMeter? Prefill, PassMeter? Decode)
{
    /// <summary>Share of the pairs of a prompt's tokens that attended under a prefill policy; null without one.</summary>
    public double? PrefillKeptShare { get; init; }
}
