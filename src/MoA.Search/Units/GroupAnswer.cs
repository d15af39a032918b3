namespace MoA.Search.Units;

/// <summary>One answer of a group.</summary>
/// <param name="Tokens">The tokens written, a stop token included.</param>
/// <param name="KvBytes">Bytes of the sequence's caches.</param>
/// <param name="PeakKvBytes">The most bytes that the sequence's caches took at one time.</param>
internal sealed record GroupAnswer(int[] Tokens, long KvBytes, long PeakKvBytes);
