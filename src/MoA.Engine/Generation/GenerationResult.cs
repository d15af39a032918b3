namespace MoA.Engine.Generation;

/// <summary>What came of a generation.</summary>
/// <param name="Text">The output without special tokens, up to a stop string; empty for a model without a tokenizer.</param>
/// <param name="Tokens">All tokens written, the one that ended the turn included.</param>
/// <param name="Finish">Why it ended.</param>
/// <param name="PromptTokens">Tokens that were prefilled.</param>
/// <param name="PrefillTime">Time to the first token.</param>
/// <param name="DecodeTime">Time of all further tokens.</param>
internal sealed record GenerationResult(
    string Text, int[] Tokens, FinishReason Finish, int PromptTokens, TimeSpan PrefillTime, TimeSpan DecodeTime)
{
    /// <summary>For each of <see cref="Tokens"/> how likely it was; empty unless it was asked for.</summary>
    public IReadOnlyList<TokenLogProbability> LogProbabilities { get; init; } = [];

    /// <summary>What drafting came to; null if nothing was to be drafted.</summary>
    public LookupCounts? Lookup { get; init; }

    /// <summary>Prefilled tokens a second.</summary>
    public double PrefillTokensPerSecond => PromptTokens / Math.Max(PrefillTime.TotalSeconds, 1e-9);

    /// <summary>Tokens a second after the first; 0 if there was none.</summary>
    public double DecodeTokensPerSecond =>
        Tokens.Length < 2 ? 0 : (Tokens.Length - 1) / Math.Max(DecodeTime.TotalSeconds, 1e-9);
}
