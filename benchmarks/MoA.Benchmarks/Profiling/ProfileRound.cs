namespace MoA.Benchmarks.Profiling;

/// <summary>A prefill and a profile of the same tokens, one after the other.</summary>
/// <param name="PrefillSeconds">Time of the prefill.</param>
/// <param name="PrefillCpuSeconds">Processor time of all threads during it.</param>
/// <param name="ProfileSeconds">Time of the profile.</param>
/// <param name="ProfileCpuSeconds">Processor time of all threads during it.</param>
internal sealed record ProfileRound(
    double PrefillSeconds, double PrefillCpuSeconds, double ProfileSeconds, double ProfileCpuSeconds);
