using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The escapes of string literals, as Python has them.</summary>
internal static class JinjaEscapes
{
    /// <summary>The text of a literal's body.</summary>
    public static string Read(string body, int line)
    {
        var text = new StringBuilder(body.Length);
        for (int i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\')
            {
                text.Append(body[i]);
                continue;
            }

            char escape = body[++i];
            if (escape is 'x' or 'u' or 'U')
            {
                int digits = escape switch { 'x' => 2, 'u' => 4, _ => 8 };
                AppendCodePoint(text, body.AsSpan(i + 1, Math.Min(digits, body.Length - i - 1)), digits, escape, line);
                i += digits;
            }
            else if (escape is >= '0' and <= '7')
            {
                int end = i + 1;
                while (end < body.Length && end < i + 3 && body[end] is >= '0' and <= '7')
                    end++;
                text.Append((char)Convert.ToInt32(body[i..end], 8));
                i = end - 1;
            }
            else
            {
                text.Append(OfOne(escape, line));
            }
        }

        return text.ToString();
    }

    private static string OfOne(char escape, int line) => escape switch
    {
        'n' => "\n",
        't' => "\t",
        'r' => "\r",
        'b' => "\b",
        'f' => "\f",
        'v' => "\v",
        'a' => "\a",
        '\\' or '\'' or '"' => escape.ToString(),
        '\n' => "",
        'N' => throw JinjaError.At(line, "the escape '\\N{…}' of a character's name is not supported"),
        _ => $"\\{escape}",
    };

    private static void AppendCodePoint(StringBuilder text, ReadOnlySpan<char> digits, int expected, char escape, int line)
    {
        if (digits.Length != expected || !uint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) || code > 0x10FFFF)
            throw JinjaError.At(line, $"expected {expected} hexadecimal digits of a character after '\\{escape}'");
        if (code < 0x10000)
            text.Append((char)code);
        else
            text.Append(char.ConvertFromUtf32((int)code));
    }
}
