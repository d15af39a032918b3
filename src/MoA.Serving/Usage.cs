namespace MoA.Serving;

/// <summary>What a request took.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="CachedTokens">Those of them that were in kept caches already and were not read again.</param>
/// <param name="NewTokens">Tokens written.</param>
/// <param name="CacheBytes">Bytes of its KV caches' rows at its end: those of policies that choose rows take more before (<see cref="PeakCacheBytes"/>).</param>
/// <param name="Density">Those bytes as a share of what dense attention would hold for the same number of tokens.</param>
/// <param name="Waited">Time in the queue.</param>
/// <param name="FirstToken">Time from its start to the first token.</param>
/// <param name="Total">Time from its start to its end.</param>
public sealed record Usage(
    int PromptTokens, int CachedTokens, int NewTokens, long CacheBytes, double Density, TimeSpan Waited, TimeSpan FirstToken, TimeSpan Total)
{
    /// <summary>The most bytes that its caches have taken at one time, those of earlier turns included: rows, and what policies note and copy to choose among them.</summary>
    public long PeakCacheBytes { get; init; }

    /// <summary>Of the new tokens, those of thinking.</summary>
    public int ReasoningTokens { get; init; }

    /// <summary>Why the prompt, or part of it, had to be read though a conversation's caches were kept; null where nothing was read twice.</summary>
    public string? ReadAgain { get; init; }
}
