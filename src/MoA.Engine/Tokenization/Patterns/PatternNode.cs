namespace MoA.Engine.Tokenization.Patterns;

/// <summary>A parsed pattern: the tree between <see cref="PatternParser"/> and <see cref="PatternCompiler"/>.</summary>
internal abstract record PatternNode
{
    /// <summary>Whether the node can match without consuming anything.</summary>
    public abstract bool MatchesEmpty { get; }
}

/// <summary>One code point of a set.</summary>
internal sealed record SetNode(CodePointSet Set) : PatternNode
{
    public override bool MatchesEmpty => false;
}

/// <summary>Nodes one after the other.</summary>
internal sealed record ConcatenationNode(IReadOnlyList<PatternNode> Parts) : PatternNode
{
    public override bool MatchesEmpty => Parts.All(part => part.MatchesEmpty);
}

/// <summary>The first of several nodes that leads to a match.</summary>
internal sealed record AlternationNode(IReadOnlyList<PatternNode> Choices) : PatternNode
{
    public override bool MatchesEmpty => Choices.Any(choice => choice.MatchesEmpty);
}

/// <summary>A node repeated <paramref name="Minimum"/> to <paramref name="Maximum"/> times (int.MaxValue: no bound).</summary>
internal sealed record RepetitionNode(PatternNode Body, int Minimum, int Maximum, bool Lazy) : PatternNode
{
    public override bool MatchesEmpty => Minimum == 0 || Body.MatchesEmpty;
}

/// <summary>A node whose first match is final: nothing inside it is tried again.</summary>
internal sealed record AtomicNode(PatternNode Body) : PatternNode
{
    public override bool MatchesEmpty => Body.MatchesEmpty;
}

/// <summary>Requires (or forbids) that the text ahead matches.</summary>
internal sealed record LookAheadNode(PatternNode Body, bool Negative) : PatternNode
{
    public override bool MatchesEmpty => true;
}

/// <summary>Requires (or forbids) that the code point before is in a set.</summary>
internal sealed record LookBehindNode(CodePointSet Set, bool Negative) : PatternNode
{
    public override bool MatchesEmpty => true;
}

/// <summary>A position in the text.</summary>
internal sealed record AnchorNode(PatternAnchor Anchor) : PatternNode
{
    public override bool MatchesEmpty => true;
}

/// <summary>The positions that a pattern can ask for.</summary>
internal enum PatternAnchor
{
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    TextEndOrLastLineFeed,
    WordBoundary,
    NoWordBoundary,
}
