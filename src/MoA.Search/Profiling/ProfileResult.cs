namespace MoA.Search.Profiling;

/// <summary>The profile of one length.</summary>
/// <param name="Length">N in tokens.</param>
/// <param name="Items">Items used.</param>
/// <param name="MeanLoss">Mean of their losses, in nats.</param>
/// <param name="Path">The influence file.</param>
/// <param name="Seconds">Time spent in this run; next to nothing if the work had been done before.</param>
internal sealed record ProfileResult(int Length, int Items, double MeanLoss, string Path, double Seconds);
