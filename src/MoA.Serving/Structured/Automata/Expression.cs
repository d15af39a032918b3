namespace MoA.Serving.Structured.Automata;

/// <summary>A regular expression over characters.</summary>
internal abstract record Expression
{
    /// <summary>Nothing at all.</summary>
    public static Expression Empty { get; } = new Sequence([]);

    /// <summary>One character of a set.</summary>
    public sealed record Set(CharacterRanges Characters) : Expression;

    /// <summary>Parts one after the other.</summary>
    public sealed record Sequence(IReadOnlyList<Expression> Parts) : Expression;

    /// <summary>One of several; none at all matches nothing.</summary>
    public sealed record Choice(IReadOnlyList<Expression> Options) : Expression;

    /// <summary>A part again and again; <paramref name="Most"/> null: without a bound.</summary>
    public sealed record Repeat(Expression Part, int Least, int? Most) : Expression;

    /// <summary>The text's start or its end.</summary>
    public sealed record Anchor(bool IsStart) : Expression;

    /// <summary>A text as it is.</summary>
    public static Expression Text(string text) =>
        new Sequence([.. text.EnumerateRunes().Select(rune => new Set(CharacterRanges.Of((rune.Value, rune.Value))))]);

    /// <summary>Decimal digits between two.</summary>
    public static Expression DigitsBetween(int first, int last) => new Set(CharacterRanges.Of(('0' + first, '0' + last)));
}
