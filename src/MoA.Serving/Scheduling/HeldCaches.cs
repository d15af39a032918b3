namespace MoA.Serving.Scheduling;

/// <summary>What a request's caches hold at its end.</summary>
/// <param name="Bytes">Bytes of rows.</param>
/// <param name="PeakBytes">The most bytes that the caches have taken.</param>
/// <param name="Density">The rows' bytes as a share of what dense attention would hold.</param>
internal readonly record struct HeldCaches(long Bytes, long PeakBytes, double Density);
