using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Patterns;

/// <summary>
/// A set of Unicode code points given by a rule. Answers are kept in pages of 256 bits that are filled when first asked
/// for, so that a test costs two array reads whatever the rule is.
/// </summary>
internal sealed class CodePointSet
{
    private const int LastCodePoint = 0x10FFFF;
    private const int PageBits = 256;

    private readonly Func<int, bool> _rule;
    private readonly ulong[]?[] _pages = new ulong[]?[(LastCodePoint + 1) / PageBits];

    private CodePointSet(Func<int, bool> rule) => _rule = rule;

    public static CodePointSet Empty { get; } = new(_ => false);

    /// <summary>Every code point but the line feed (the dot of a pattern).</summary>
    public static CodePointSet AllButLineFeed { get; } = new(c => c != '\n');

    /// <summary>The Unicode property White_Space.</summary>
    public static CodePointSet WhiteSpace { get; } = new(c => Rune.IsValid(c) && Rune.IsWhiteSpace(new Rune(c)));

    /// <summary>General category Nd.</summary>
    public static CodePointSet DecimalDigits { get; } = OfCategories(UnicodeCategory.DecimalDigitNumber);

    /// <summary>General categories Nd, Nl and No.</summary>
    public static CodePointSet Numbers { get; } = OfCategories(
        UnicodeCategory.DecimalDigitNumber, UnicodeCategory.LetterNumber, UnicodeCategory.OtherNumber);

    /// <summary>Hexadecimal digits of ASCII.</summary>
    public static CodePointSet HexDigits { get; } = new(c => c < 128 && char.IsAsciiHexDigit((char)c));

    /// <summary>Word characters: letters, marks, decimal digits and connectors.</summary>
    public static CodePointSet Word { get; } = OfCategories(
        UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter,
        UnicodeCategory.ModifierLetter, UnicodeCategory.OtherLetter, UnicodeCategory.LetterNumber,
        UnicodeCategory.NonSpacingMark, UnicodeCategory.SpacingCombiningMark, UnicodeCategory.EnclosingMark,
        UnicodeCategory.DecimalDigitNumber, UnicodeCategory.ConnectorPunctuation);

    public static CodePointSet Of(int codePoint) => new(c => c == codePoint);

    public static CodePointSet Range(int first, int last) => new(c => c >= first && c <= last);

    public static CodePointSet OfCategories(params UnicodeCategory[] categories)
    {
        int mask = 0;
        foreach (UnicodeCategory category in categories)
            mask |= 1 << (int)category;
        return new(c => (mask >> (int)CharUnicodeInfo.GetUnicodeCategory(c) & 1) != 0);
    }

    public CodePointSet Union(CodePointSet other) => new(c => _rule(c) || other._rule(c));

    public CodePointSet Intersection(CodePointSet other) => new(c => _rule(c) && other._rule(c));

    public CodePointSet Complement() => new(c => !_rule(c));

    /// <summary>Adds the code points that differ from a member in case only (simple case folding).</summary>
    public CodePointSet IgnoringCase() => new(c => _rule(c) || (Rune.IsValid(c) && AnyCaseVariant(new Rune(c))));

    public bool Contains(int codePoint)
    {
        ulong[] page = _pages[codePoint / PageBits] ??= FillPage(codePoint / PageBits);
        return (page[codePoint % PageBits / 64] >> codePoint & 1) != 0;
    }

    // Going there and back folds letters that share a case only: U+017F (long s) has the upper case S, U+212A (Kelvin sign)
    // the lower case k.
    private bool AnyCaseVariant(Rune rune)
    {
        Rune upper = Rune.ToUpperInvariant(rune);
        Rune lower = Rune.ToLowerInvariant(rune);
        return _rule(upper.Value) || _rule(lower.Value)
            || _rule(Rune.ToLowerInvariant(upper).Value) || _rule(Rune.ToUpperInvariant(lower).Value);
    }

    private ulong[] FillPage(int page)
    {
        var bits = new ulong[PageBits / 64];
        for (int i = 0; i < PageBits; i++)
        {
            if (_rule(page * PageBits + i))
                bits[i / 64] |= 1UL << i;
        }

        return bits;
    }
}
