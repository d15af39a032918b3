namespace MoA.Engine.KvCache;

/// <summary>The kinds of a sequence's tokens, those included that a pass is about to add.</summary>
internal sealed class TextKinds
{
    private readonly List<TokenKind> _kinds;
    private readonly int[] _counts = new int[3];

    public TextKinds(int capacity) => _kinds = new List<TokenKind>(capacity);

    /// <summary>How many there are of a kind.</summary>
    public int CountOf(TokenKind kind) => _counts[(int)kind];

    /// <summary>The kind of the token at a position.</summary>
    public TokenKind At(int position) => position < _kinds.Count ? _kinds[position] : TokenKind.Plain;

    /// <summary>Makes room for as many tokens, so that noting them allocates nothing.</summary>
    public void Reserve(int capacity) => _kinds.EnsureCapacity(capacity);

    /// <summary>Notes tokens from a position on; what was noted there, by a pass that was cut off, goes, and what was not noted before is plain.</summary>
    /// <param name="position">Position of the first.</param>
    /// <param name="tokens">The tokens.</param>
    /// <param name="kindOf">The kind of each token of the vocabulary; plain beyond its end.</param>
    public void Note(int position, ReadOnlySpan<int> tokens, ReadOnlySpan<TokenKind> kindOf)
    {
        for (; _kinds.Count > position; _kinds.RemoveAt(_kinds.Count - 1))
            _counts[(int)_kinds[^1]]--;
        while (_kinds.Count < position)
            _kinds.Add(TokenKind.Plain);
        foreach (int token in tokens)
        {
            TokenKind kind = token < kindOf.Length ? kindOf[token] : TokenKind.Plain;
            _kinds.Add(kind);
            _counts[(int)kind]++;
        }
    }

    /// <summary>The same kinds, to which others are added from now on.</summary>
    public TextKinds Copy()
    {
        TextKinds copy = new(_kinds.Capacity);
        copy._kinds.AddRange(_kinds);
        _counts.CopyTo(copy._counts, 0);
        return copy;
    }
}
