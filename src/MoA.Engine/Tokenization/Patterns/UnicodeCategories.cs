using System.Globalization;

namespace MoA.Engine.Tokenization.Patterns;

/// <summary>The general categories under the names that patterns use: <c>L</c>, <c>Lu</c>, <c>Letter</c> …</summary>
internal static class UnicodeCategories
{
    // In the order of the enumeration UnicodeCategory.
    private static readonly string[] Codes =
    [
        "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co",
        "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn",
    ];

    private static readonly Dictionary<string, string> Groups = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Letter"] = "L",
        ["Mark"] = "M",
        ["Number"] = "N",
        ["Punctuation"] = "P",
        ["Symbol"] = "S",
        ["Separator"] = "Z",
        ["Other"] = "C",
    };

    /// <summary>The set of a category or group of categories; null where the name is not known.</summary>
    public static CodePointSet? Find(string name)
    {
        string code = Groups.GetValueOrDefault(name, name);
        UnicodeCategory[] categories = [.. Enumerable.Range(0, Codes.Length)
            .Where(i => code.Length == 1 ? Codes[i][0] == code[0] : Codes[i] == code)
            .Select(i => (UnicodeCategory)i)];
        return categories.Length == 0 ? null : CodePointSet.OfCategories(categories);
    }
}
