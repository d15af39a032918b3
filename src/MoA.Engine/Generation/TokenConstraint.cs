namespace MoA.Engine.Generation;

/// <summary>
/// Says of every next token whether it may be written: what a run writes is then valid by construction. Each run needs one of its
/// own; one thread at a time.
/// </summary>
public abstract class TokenConstraint
{
    /// <summary>Marks the tokens that may come next, one bit for each token of the vocabulary; at least one, a stop token where nothing else
    /// can follow.</summary>
    /// <param name="allowed">64 tokens a word, the lowest in the lowest bit; all zero on entry.</param>
    public abstract void Allow(Span<ulong> allowed);

    /// <summary>Takes the token that was written, one of those allowed.</summary>
    public abstract void Accept(int token);
}
