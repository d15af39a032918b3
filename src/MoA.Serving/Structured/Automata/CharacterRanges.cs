using System.Globalization;

namespace MoA.Serving.Structured.Automata;

/// <summary>A set of code points, as ascending ranges that do not touch.</summary>
internal sealed class CharacterRanges
{
    private const int LastCharacter = 0x10FFFF;

    private static readonly Lazy<CharacterRanges> LazyUnicodeWord = new(() => OfCategories(
        UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter, UnicodeCategory.ModifierLetter,
        UnicodeCategory.OtherLetter, UnicodeCategory.NonSpacingMark, UnicodeCategory.SpacingCombiningMark, UnicodeCategory.EnclosingMark,
        UnicodeCategory.DecimalDigitNumber, UnicodeCategory.LetterNumber, UnicodeCategory.ConnectorPunctuation));

    private static readonly Lazy<CharacterRanges> LazyUnicodeDigits = new(() => OfCategories(UnicodeCategory.DecimalDigitNumber));

    private CharacterRanges(List<(int First, int Last)> ranges) => Ranges = ranges;

    /// <summary>The ranges, ends included.</summary>
    public IReadOnlyList<(int First, int Last)> Ranges { get; }

    /// <summary>Every character: all code points but surrogates.</summary>
    public static CharacterRanges Every { get; } = Of((0, 0xD7FF), (0xE000, LastCharacter));

    /// <summary>
    /// The characters that a set written by what it lacks, such as the dot, may stand for: those that are one unit of UTF-16 too, since
    /// dialects differ in what they take for one character beyond.
    /// </summary>
    public static CharacterRanges Negatable { get; } = Of((0, 0xD7FF), (0xE000, 0xFFFF));

    /// <summary>Decimal digits of ASCII.</summary>
    public static CharacterRanges Digits { get; } = Of(('0', '9'));

    /// <summary>Word characters of ASCII.</summary>
    public static CharacterRanges Word { get; } = Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));

    /// <summary>White space of ASCII.</summary>
    public static CharacterRanges Space { get; } = Of(('\t', '\r'), (' ', ' '));

    /// <summary>Line ends of ECMAScript.</summary>
    public static CharacterRanges LineEnds { get; } = Of(('\n', '\n'), ('\r', '\r'), (0x85, 0x85), (0x2028, 0x2029));

    /// <summary>What any dialect may take for a digit.</summary>
    public static CharacterRanges UnicodeDigits => LazyUnicodeDigits.Value;

    /// <summary>What any dialect may take for a word character.</summary>
    public static CharacterRanges UnicodeWord => LazyUnicodeWord.Value;

    /// <summary>What any dialect may take for white space.</summary>
    public static CharacterRanges UnicodeSpace { get; } = Of(
        ('\t', '\r'), (0x1C, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200A), (0x2028, 0x2029),
        (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));

    public static CharacterRanges Of(params (int First, int Last)[] ranges)
    {
        List<(int First, int Last)> joined = [];
        foreach ((int first, int last) in ranges.OrderBy(range => range.First))
        {
            if (joined.Count > 0 && first <= joined[^1].Last + 1)
                joined[^1] = (joined[^1].First, Math.Max(joined[^1].Last, last));
            else
                joined.Add((first, last));
        }

        return new(joined);
    }

    public CharacterRanges Union(CharacterRanges other) => Of([.. Ranges, .. other.Ranges]);

    public CharacterRanges Intersect(CharacterRanges other)
    {
        List<(int, int)> common = [];
        for (int i = 0, j = 0; i < Ranges.Count && j < other.Ranges.Count;)
        {
            (int first, int last) = (Math.Max(Ranges[i].First, other.Ranges[j].First), Math.Min(Ranges[i].Last, other.Ranges[j].Last));
            if (first <= last)
                common.Add((first, last));
            if (Ranges[i].Last < other.Ranges[j].Last)
                i++;
            else
                j++;
        }

        return new(common);
    }

    /// <summary>What of another set is not in this one.</summary>
    public CharacterRanges Complement(CharacterRanges within)
    {
        List<(int, int)> rest = [];
        int next = 0;
        foreach ((int first, int last) in Ranges)
        {
            if (first > next)
                rest.Add((next, first - 1));
            next = last + 1;
        }

        if (next <= LastCharacter)
            rest.Add((next, LastCharacter));
        return new CharacterRanges(rest).Intersect(within);
    }

    private static CharacterRanges OfCategories(params UnicodeCategory[] categories)
    {
        List<(int, int)> ranges = [];
        for (int c = 0; c <= 0xFFFF; c++)
        {
            if (categories.Contains(CharUnicodeInfo.GetUnicodeCategory((char)c)))
                ranges.Add((c, c));
        }

        return Of([.. ranges]);
    }
}
