namespace MoA.Search.Units;

/// <summary>A text whose marked tokens were scored.</summary>
/// <param name="Scores">The log-probability of each marked token, in their order.</param>
/// <param name="KvBytes">Bytes of the caches' rows when the text ended.</param>
internal readonly record struct ScoredText(double[] Scores, long KvBytes);
