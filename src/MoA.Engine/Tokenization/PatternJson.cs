using System.Text;
using MoA.Engine.Files;
using MoA.Engine.Tokenization.Patterns;

namespace MoA.Engine.Tokenization;

/// <summary>Reads patterns of a tokenizer.json: <c>{"String": …}</c> or <c>{"Regex": …}</c>.</summary>
internal static class PatternJson
{
    /// <summary>The fixed text that a pattern looks for; null for a regular expression.</summary>
    public static string? ReadText(JsonField pattern)
    {
        string? text = pattern["String"].AsOptionalString();
        return text is { Length: 0 } ? throw pattern.Refuse("the text to look for is empty") : text;
    }

    public static Pattern Read(JsonField pattern)
    {
        string expression = ReadText(pattern) is { } text ? Escape(text) : pattern["Regex"].AsString();
        try
        {
            return new Pattern(expression);
        }
        catch (InvalidInputException e)
        {
            throw pattern.Refuse(e.Message);
        }
    }

    private static string Escape(string text)
    {
        var escaped = new StringBuilder();
        foreach (char c in text)
            escaped.Append(char.IsAscii(c) && !char.IsAsciiLetterOrDigit(c) ? $"\\{c}" : $"{c}");
        return escaped.ToString();
    }
}
