using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace MoA.Engine;

/// <summary>
/// Reads numbers in options and text files. They are written as in JSON, whatever the culture: ASCII digits without leading zeros, a
/// minus sign, a point, an exponent. Nothing parts thousands, so that no number is ever taken for another one; signs of plus, blanks,
/// hexadecimal digits, NaN and infinity are none.
/// </summary>
internal static partial class NumberText
{
    /// <summary>Reads a whole number such as <c>512</c>; false if the text is none, or one that the type does not hold.</summary>
    public static bool TryWhole<T>(ReadOnlySpan<char> text, out T value)
        where T : struct, IBinaryInteger<T>
    {
        value = default;
        return Whole().IsMatch(text) && T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>
    /// Reads a number such as <c>0.5</c>, <c>.5</c>, <c>3</c> or <c>1e-3</c>; false if the text is none, or beyond what a double holds: an
    /// infinity, or a zero in place of another number.
    /// </summary>
    public static bool TryDecimal(ReadOnlySpan<char> text, out double value)
    {
        value = 0;
        return Decimal().IsMatch(text)
            && double.TryParse(
                text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
                CultureInfo.InvariantCulture, out value)
            && double.IsFinite(value)
            && (value != 0 || !NotZero().IsMatch(text));
    }

    [GeneratedRegex(@"^-?(?:0|[1-9][0-9]*)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Whole();

    [GeneratedRegex(@"^-?(?:0|[1-9][0-9]*|(?=\.))(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Decimal();

    [GeneratedRegex(@"^[-0.]*[1-9]", RegexOptions.CultureInvariant)]
    private static partial Regex NotZero();
}
