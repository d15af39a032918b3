using System.Numerics;

namespace MoA.Engine.Generation;

/// <summary>Leaves of the logits those of the tokens that a constraint allows; allocates nothing while doing so.</summary>
internal sealed class LogitMask(TokenConstraint constraint, int vocabularySize)
{
    private const int WordBits = 64;

    private readonly ulong[] _allowed = new ulong[(vocabularySize + WordBits - 1) / WordBits];
    private readonly float[] _logits = new float[vocabularySize];

    /// <summary>The logits, minus infinity where a token is not allowed; valid until the next call.</summary>
    /// <param name="logits">One number for every token of the vocabulary.</param>
    /// <param name="forbidden">Tokens that are taken away too, unless that leaves none.</param>
    /// <exception cref="InvalidOperationException">The constraint allows nothing.</exception>
    public ReadOnlySpan<float> Apply(ReadOnlySpan<float> logits, IReadOnlySet<int>? forbidden)
    {
        Allow();
        if (forbidden is not null)
        {
            foreach (int token in forbidden)
            {
                if ((uint)token < (uint)vocabularySize)
                    _allowed[token / WordBits] &= ~(1UL << token);
            }

            if (!IsAnyAllowed())
                Allow();
        }

        if (!IsAnyAllowed())
            throw new InvalidOperationException("The constraint allows no token.");
        for (int word = 0; word < _allowed.Length; word++)
            Copy(logits, word);
        return _logits;
    }

    /// <summary>Takes the token that was drawn.</summary>
    public void Accept(int token) => constraint.Accept(token);

    private void Allow()
    {
        Array.Clear(_allowed);
        constraint.Allow(_allowed);
        if (vocabularySize % WordBits != 0)
            _allowed[^1] &= (1UL << vocabularySize) - 1;
    }

    private bool IsAnyAllowed() => _allowed.AsSpan().ContainsAnyExcept(0UL);

    private void Copy(ReadOnlySpan<float> logits, int word)
    {
        int first = word * WordBits;
        ReadOnlySpan<float> source = logits.Slice(first, Math.Min(WordBits, vocabularySize - first));
        Span<float> target = _logits.AsSpan(first, source.Length);
        ulong bits = _allowed[word];
        if (bits == ulong.MaxValue)
        {
            source.CopyTo(target);
            return;
        }

        target.Fill(float.NegativeInfinity);
        for (; bits != 0; bits &= bits - 1)
        {
            int token = BitOperations.TrailingZeroCount(bits);
            target[token] = source[token];
        }
    }
}
