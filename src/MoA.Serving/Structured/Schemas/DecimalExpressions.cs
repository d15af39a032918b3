using System.Numerics;
using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured.Schemas;

/// <summary>Decimal numbers on one side of a bound, as regular expressions.</summary>
/// <param name="limit">What all stay below, in magnitude.</param>
/// <param name="places">Most digits behind the point.</param>
internal sealed class DecimalExpressions(BigInteger limit, int places)
{
    /// <summary>The numbers from a bound on.</summary>
    public Expression AtLeast(Decimals bound, bool excluded) => bound.Digits.Sign < 0
        ? new Expression.Choice([Magnitudes(0, limit - 1, AnyFraction()), NumberRange.Negative(MagnitudesUpTo(-bound, excluded))])
        : MagnitudesFrom(bound, excluded);

    /// <summary>The numbers up to a bound.</summary>
    public Expression AtMost(Decimals bound, bool excluded) => bound.Digits.Sign > 0 || (bound.Digits.IsZero && !excluded)
        ? new Expression.Choice([NumberRange.Negative(Magnitudes(0, limit - 1, AnyFraction())), MagnitudesUpTo(bound, excluded)])
        : NumberRange.Negative(MagnitudesFrom(-bound, excluded));

    private Expression.Choice MagnitudesFrom(Decimals bound, bool excluded) => new Expression.Choice(
        [Magnitudes(bound.Floor + 1, limit - 1, AnyFraction()), Magnitudes(bound.Floor, bound.Floor, FractionFrom(bound.Fraction, excluded))]);

    private Expression.Choice MagnitudesUpTo(Decimals bound, bool excluded) => new Expression.Choice(
        [Magnitudes(0, bound.Floor - 1, AnyFraction()), Magnitudes(bound.Floor, bound.Floor, FractionUpTo(bound.Fraction, excluded))]);

    private static Expression.Sequence Magnitudes(BigInteger from, BigInteger to, Expression fraction) => new([NumberRange.Between(from, to), fraction]);

    private Expression AnyFraction() => places == 0 ? Expression.Empty : new Expression.Repeat(Fraction([NumberRange.Digits(1, places)]), 0, 1);

    // A fraction is compared digit by digit; the last digit of a bound is not 0.
    private Expression FractionFrom(string bound, bool excluded)
    {
        if (bound.Length == 0)
            return excluded ? Fraction([NotZero(places)]) : AnyFraction();
        List<Expression> options = [];
        for (int i = 0; i < bound.Length; i++)
        {
            if (bound[i] < '9')
                options.Add(Beside(bound, i, bound[i] - '0' + 1, 9));
        }

        int rest = places - bound.Length;
        options.Add(new Expression.Sequence([Expression.Text(bound), excluded ? NotZero(rest) : NumberRange.Digits(0, rest)]));
        return Fraction(options);
    }

    private Expression.Choice FractionUpTo(string bound, bool excluded)
    {
        List<Expression> options = [];
        for (int i = 0; i < bound.Length; i++)
        {
            if (bound[i] > '0')
                options.Add(Beside(bound, i, 0, bound[i] - '0' - 1));
            if (i > 0)
                options.Add(Expression.Text(bound[..i]));
        }

        Expression zero = Expression.DigitsBetween(0, 0);
        if (!excluded && places > 0)
            options.Add(new Expression.Sequence([Expression.Text(bound), new Expression.Repeat(zero, bound.Length == 0 ? 1 : 0, places - bound.Length)]));
        List<Expression> all = [Fraction(options)];
        if (bound.Length > 0 || !excluded)
            all.Add(Expression.Empty);
        return new Expression.Choice(all);
    }

    private Expression.Sequence Beside(string bound, int index, int from, int to) =>
        new([Expression.Text(bound[..index]), Expression.DigitsBetween(from, to), NumberRange.Digits(0, places - index - 1)]);

    private static Expression.Choice NotZero(int digits) => new([.. Enumerable.Range(0, digits).Select(zeros => new Expression.Sequence(
        [Expression.Text(new string('0', zeros)), Expression.DigitsBetween(1, 9), NumberRange.Digits(0, digits - zeros - 1)]))]);

    private static Expression.Sequence Fraction(IReadOnlyList<Expression> options) => new([Expression.Text("."), new Expression.Choice(options)]);
}
