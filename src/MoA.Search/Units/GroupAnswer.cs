namespace MoA.Search.Units;

/// <summary>One answer of a group.</summary>
/// <param name="Tokens">The tokens written, a stop token included.</param>
/// <param name="KvBytes">Bytes of the sequence's caches.</param>
internal sealed record GroupAnswer(int[] Tokens, long KvBytes);
