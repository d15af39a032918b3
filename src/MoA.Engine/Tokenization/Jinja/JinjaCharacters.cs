using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Cases and kinds of characters, as Python's str has them.</summary>
internal static partial class JinjaCharacters
{
    private const string OtherIgnorable = "'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";
    private const int CapitalSigma = 0x3A3;

    // Lower-case characters that are no letters, and letters that are lower-case without a capital (Other_Lowercase).
    private static readonly (int First, int Last)[] OtherLowercase =
    [
        (0xAA, 0xAA), (0xBA, 0xBA), (0x2B0, 0x2B8), (0x2C0, 0x2C1), (0x2E0, 0x2E4), (0x345, 0x345), (0x37A, 0x37A), (0x1D2C, 0x1D6A),
        (0x1D78, 0x1D78), (0x1D9B, 0x1DBF), (0x2071, 0x2071), (0x207F, 0x207F), (0x2090, 0x209C), (0x2170, 0x217F), (0x24D0, 0x24E9),
        (0x2C7C, 0x2C7D), (0xA69C, 0xA69D), (0xA770, 0xA770), (0xA7F8, 0xA7F9), (0xAB5C, 0xAB5F), (0x10780, 0x10780),
        (0x10783, 0x10785), (0x10787, 0x107B0), (0x107B2, 0x107BA),
    ];

    private static readonly (int First, int Last)[] OtherUppercase =
        [(0x2160, 0x216F), (0x24B6, 0x24CF), (0x1F130, 0x1F149), (0x1F150, 0x1F169), (0x1F170, 0x1F189)];

    private static readonly Dictionary<int, (string Upper, string Title)> Special = ReadCases();

    private static readonly HashSet<int> Numerals =
        [.. NumericIdeographs.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Select(c => int.Parse(c, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];

    /// <summary>Python's white space: that of Unicode and the four separators U+001C to U+001F.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\u001C' and <= '\u001F';

    public static bool IsAlpha(Rune rune) => Rune.IsLetter(rune);

    public static bool IsDecimal(Rune rune) => Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber;

    public static bool IsDigit(Rune rune) => CharUnicodeInfo.GetDigitValue(rune.ToString(), 0) >= 0;

    public static bool IsNumeric(Rune rune) =>
        CharUnicodeInfo.GetNumericValue(rune.ToString(), 0) != -1 || Numerals.Contains(rune.Value);

    public static bool IsLower(Rune rune) =>
        Rune.GetUnicodeCategory(rune) == UnicodeCategory.LowercaseLetter || IsIn(OtherLowercase, rune.Value);

    public static bool IsUpper(Rune rune) =>
        Rune.GetUnicodeCategory(rune) == UnicodeCategory.UppercaseLetter || IsIn(OtherUppercase, rune.Value);

    public static bool IsTitle(Rune rune) => Rune.GetUnicodeCategory(rune) == UnicodeCategory.TitlecaseLetter;

    public static bool IsCased(Rune rune) => IsLower(rune) || IsUpper(rune) || IsTitle(rune);

    public static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);

    public static TracedText Upper(TracedText text) => Map(text, (_, rune) => UpperOf(rune));

    public static TracedText Lower(TracedText text) => Map(text, (at, rune) => LowerOf(text.Text, at, rune));

    /// <summary>A capital first character and the rest small.</summary>
    public static TracedText Capitalize(TracedText text) =>
        Map(text, (at, rune) => at == 0 ? TitleOf(rune) : LowerOf(text.Text, at, rune));

    /// <summary>Every cased character that follows one without case is a capital, the others small, as <c>str.title</c> does.</summary>
    public static TracedText Title(TracedText text)
    {
        bool inWord = false;
        return Map(text, (at, rune) =>
        {
            string mapped = inWord ? LowerOf(text.Text, at, rune) : TitleOf(rune);
            inWord = IsCased(rune);
            return mapped;
        });
    }

    public static TracedText SwapCase(TracedText text) => Map(text, (at, rune) =>
        IsUpper(rune) ? LowerOf(text.Text, at, rune) : IsLower(rune) ? UpperOf(rune) : rune.ToString());

    private static TracedText Map(TracedText text, Func<int, Rune, string> map)
    {
        var mapped = new TracedTextBuilder();
        for (int at = 0, width; at < text.Length; at += width)
        {
            width = text.WidthAt(at);
            int origin = text.OriginAt(at);
            if (Rune.TryGetRuneAt(text.Text, at, out Rune rune))
                mapped.Append(map(at, rune), origin);
            else
                mapped.Append(text.Text[at], origin);
        }

        return mapped.ToText();
    }

    private static string UpperOf(Rune rune) =>
        Special.TryGetValue(rune.Value, out (string Upper, string) special) ? special.Upper : Rune.ToUpperInvariant(rune).ToString();

    private static string TitleOf(Rune rune) =>
        Special.TryGetValue(rune.Value, out (string, string Title) special) ? special.Title
        : rune.Value is >= 0x10D0 and <= 0x10FF ? rune.ToString() // Georgian has no capitals within a text
        : Rune.ToUpperInvariant(rune).ToString();

    private static string LowerOf(string text, int at, Rune rune) => rune.Value switch
    {
        0x130 => "i\u0307",
        CapitalSigma => EndsWord(text, at) ? "ς" : "σ",
        _ => Rune.ToLowerInvariant(rune).ToString(),
    };

    // A sigma ends a word where a cased character stands before it and none behind, case-ignorable ones passed over.
    private static bool EndsWord(string text, int at)
    {
        int before = at;
        Rune rune = default;
        while (before > 0 && Rune.DecodeLastFromUtf16(text.AsSpan(0, before), out rune, out int width) == 0 && IsIgnorable(rune))
            before -= width;
        if (before == 0 || !IsCased(rune))
            return false;
        int after = at + 1;
        while (after < text.Length && Rune.TryGetRuneAt(text, after, out rune) && IsIgnorable(rune))
            after += rune.Utf16SequenceLength;
        return after == text.Length || !IsCased(rune);
    }

    private static bool IsIgnorable(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.Format or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol
        || (rune.IsBmp && OtherIgnorable.Contains((char)rune.Value));

    private static bool IsIn((int First, int Last)[] ranges, int codePoint) =>
        Array.Exists(ranges, range => codePoint >= range.First && codePoint <= range.Last);

    private static Dictionary<int, (string, string)> ReadCases()
    {
        var cases = new Dictionary<int, (string, string)>();
        foreach (string entry in Cases.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = entry.Split(':');
            cases[ReadText(parts[0])[0]] = (ReadText(parts[1]), ReadText(parts[^1]));
        }

        return cases;
    }

    private static string ReadText(string digits) => string.Concat(
        digits.Chunk(4).Select(four => (char)int.Parse(four, NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
}
