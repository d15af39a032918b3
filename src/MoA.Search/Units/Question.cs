namespace MoA.Search.Units;

/// <summary>A prompt that a model is to answer.</summary>
/// <param name="Prompt">Its tokens, at least one.</param>
/// <param name="MaxNewTokens">Most tokens of the answer.</param>
/// <param name="StopTokens">Tokens that end the answer.</param>
/// <param name="Origin">Where it comes from, for messages.</param>
internal sealed record Question(int[] Prompt, int MaxNewTokens, IReadOnlySet<int> StopTokens, string Origin)
{
    /// <summary>Tokens that an answer has at least.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>
    /// Tokens at the prompt's beginning after which the policy chooses what to keep, before it sees the others; these then come one by one, as generated ones do.
    /// 0: it sees the whole prompt.
    /// </summary>
    public int ContextTokens { get; init; }

    /// <summary>Tokens of prompt and answer together: the length that policies see.</summary>
    public int Length => (int)Math.Min((long)Prompt.Length + MaxNewTokens, int.MaxValue);
}
