using System.Globalization;
using System.Text;

namespace MoA.Serving.Structured.Automata;

/// <summary>How characters are written in JSON strings.</summary>
internal static class JsonText
{
    /// <summary>Characters that stand for themselves.</summary>
    public static CharacterRanges Raw { get; } =
        CharacterRanges.Of((' ', '!'), ('#', '['), (']', 0xD7FF), (0xE000, 0x10FFFF));

    /// <summary>Characters that are written as <see cref="Escape"/> has them.</summary>
    public static IReadOnlyList<int> Escaped { get; } = [.. Enumerable.Range(0, ' '), '"', '\\'];

    /// <summary>The shortest escape of a character.</summary>
    public static string Escape(int character) => character switch
    {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\b' => "\\b",
        '\f' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ => string.Create(CultureInfo.InvariantCulture, $"\\u{character:x4}"),
    };

    /// <summary>A text as a JSON string, quotes included, in UTF-8.</summary>
    public static byte[] Quote(string text)
    {
        StringBuilder quoted = new("\"", text.Length + 2);
        foreach (char c in text)
            _ = c is < ' ' or '"' or '\\' ? quoted.Append(Escape(c)) : quoted.Append(c);
        return Encoding.UTF8.GetBytes(quoted.Append('"').ToString());
    }
}
