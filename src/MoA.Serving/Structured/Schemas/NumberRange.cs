using System.Globalization;
using System.Numerics;
using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured.Schemas;

/// <summary>The numbers between two bounds, as JSON writes them without exponents, exactly.</summary>
/// <param name="Least">The lower bound; null: none.</param>
/// <param name="LeastExcluded">Whether that itself is out.</param>
/// <param name="Most">The upper bound; null: none.</param>
/// <param name="MostExcluded">Whether that itself is out.</param>
internal readonly record struct NumberRange(Decimals? Least, bool LeastExcluded, Decimals? Most, bool MostExcluded)
{
    private const int UnboundedInteger = 15, UnboundedNumber = 9;

    // So many digits in all that floating point tells a number from a bound.
    private const int ExactDigits = 15;

    /// <summary>Whether anything bounds it.</summary>
    public bool IsBounded => Least is not null || Most is not null;

    /// <summary>Both ranges at once.</summary>
    public NumberRange Intersect(NumberRange other)
    {
        (Decimals? least, bool leastOut) = Tighter(Least, LeastExcluded, other.Least, other.LeastExcluded, sign: 1);
        (Decimals? most, bool mostOut) = Tighter(Most, MostExcluded, other.Most, other.MostExcluded, sign: -1);
        return new(least, leastOut, most, mostOut);
    }

    /// <summary>Whether no number is in both.</summary>
    public bool IsDisjoint(NumberRange other)
    {
        NumberRange both = Intersect(other);
        return both is { Least: Decimals least, Most: Decimals most } &&
            (least.CompareTo(most) is var order && (order > 0 || (order == 0 && (both.LeastExcluded || both.MostExcluded))));
    }

    /// <summary>Whole numbers; where there is no bound they have up to 15 digits, or one more than the other bound.</summary>
    public TableTerminal? Integers(CompileBudget budget)
    {
        BigInteger? low = Least is Decimals least ? (LeastExcluded ? least.Floor + 1 : least.Ceiling) : null;
        BigInteger? high = Most is Decimals most ? (MostExcluded ? most.Ceiling - 1 : most.Floor) : null;
        BigInteger limit = LimitFor(low, high, UnboundedInteger) - 1;
        (BigInteger from, BigInteger to) = (low ?? -limit, high ?? limit);
        return ExpressionAutomaton.OfText(
            new Expression.Choice([Between(BigInteger.Max(from, 0), to), Negative(Between(BigInteger.Max(-to, 1), -from))]), budget);
    }

    /// <summary>Numbers with and without digits behind the point; where there is no bound, up to 9 before it.</summary>
    public TableTerminal? Numbers(CompileBudget budget)
    {
        BigInteger limit = LimitFor(Least?.Floor, Most?.Ceiling, UnboundedNumber);
        int digits = (limit - 1).ToString(CultureInfo.InvariantCulture).Length;
        Decimals least = Least ?? new Decimals(-limit, 0), most = Most ?? new Decimals(limit, 0);
        DecimalExpressions decimals = new(limit, Math.Max(ExactDigits - digits, Math.Max(least.Places, most.Places)));
        TableTerminal? above = ExpressionAutomaton.OfText(decimals.AtLeast(least, LeastExcluded), budget);
        TableTerminal? below = ExpressionAutomaton.OfText(decimals.AtMost(most, MostExcluded), budget);
        return above is null || below is null ? null : TableTerminal.Intersect(above, below, budget);
    }

    /// <summary>The whole numbers between two that are not negative, without leading zeros.</summary>
    public static Expression Between(BigInteger from, BigInteger to)
    {
        List<Expression> options = [];
        for (BigInteger first = 0, behind = 10; first <= to; (first, behind) = (behind, behind * 10))
        {
            (BigInteger low, BigInteger high) = (BigInteger.Max(from, first), BigInteger.Min(to, behind - 1));
            if (low <= high)
                options.Add(SameLength(low.ToString(CultureInfo.InvariantCulture), high.ToString(CultureInfo.InvariantCulture)));
        }

        return new Expression.Choice(options);
    }

    /// <summary>Numbers with a minus before them.</summary>
    public static Expression Negative(Expression magnitude) => new Expression.Sequence([Expression.Text("-"), magnitude]);

    /// <summary>A number of digits.</summary>
    public static Expression Digits(int least, int most) => new Expression.Repeat(Expression.DigitsBetween(0, 9), least, most);

    private static Expression SameLength(string low, string high)
    {
        if (!low.AsSpan().ContainsAnyExcept('0') && !high.AsSpan().ContainsAnyExcept('9'))
            return Digits(low.Length, low.Length);
        (int first, int last) = (low[0] - '0', high[0] - '0');
        if (first == last)
            return new Expression.Sequence([Expression.DigitsBetween(first, first), SameLength(low[1..], high[1..])]);
        int rest = low.Length - 1;
        List<Expression> options =
        [
            new Expression.Sequence([Expression.DigitsBetween(first, first), SameLength(low[1..], new string('9', rest))]),
            new Expression.Sequence([Expression.DigitsBetween(last, last), SameLength(new string('0', rest), high[1..])]),
        ];
        if (last - first > 1)
            options.Add(new Expression.Sequence([Expression.DigitsBetween(first + 1, last - 1), Digits(rest, rest)]));
        return new Expression.Choice(options);
    }

    // The power of ten that no number reaches that nothing else bounds.
    private static BigInteger LimitFor(BigInteger? low, BigInteger? high, int unbounded)
    {
        int digits = new[] { low, high }.Max(bound => bound is BigInteger value ? BigInteger.Abs(value).ToString(CultureInfo.InvariantCulture).Length : 0);
        return BigInteger.Pow(10, low is null || high is null ? Math.Max(unbounded, digits + 1) : digits);
    }

    private static (Decimals? Bound, bool Excluded) Tighter(Decimals? one, bool oneOut, Decimals? other, bool otherOut, int sign)
    {
        if (one is not Decimals first)
            return (other, otherOut);
        if (other is not Decimals second)
            return (one, oneOut);
        int order = sign * first.CompareTo(second);
        return order == 0 ? (one, oneOut || otherOut) : order > 0 ? (one, oneOut) : (other, otherOut);
    }
}
