using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>What values print as: Python's str and repr.</summary>
internal sealed class JinjaPrinter(int line, JinjaBudget budget)
{
    private const int MaximumDepth = 100;

    private readonly TracedTextBuilder _printed = new();

    /// <summary>Python's <c>str</c>.</summary>
    public static TracedText Print(object? value, int line, JinjaBudget budget) => value switch
    {
        TracedText text => text,
        JinjaUndefined => TracedText.Empty,
        _ => Represent(value, line, budget),
    };

    /// <summary>Python's <c>repr</c>.</summary>
    public static TracedText Represent(object? value, int line, JinjaBudget budget)
    {
        var printer = new JinjaPrinter(line, budget);
        printer.Write(value, 0);
        return printer._printed.ToText();
    }

    private void Write(object? value, int depth)
    {
        budget.Step(line);
        budget.Limit(line, _printed.Length);
        if (depth > MaximumDepth)
            throw JinjaError.At(line, $"a value of more than {MaximumDepth} levels cannot be printed");
        switch (value)
        {
            case JinjaMarkup markup:
                _printed.Append("Markup(");
                Quote(markup);
                _printed.Append(")");
                break;
            case TracedText text:
                Quote(text);
                break;
            case JinjaList list:
                WriteList(list, depth);
                break;
            case JinjaMap map:
                WriteMap(map, depth);
                break;
            case JinjaNamespace space:
                _printed.Append("<Namespace ");
                WriteMap(space.Attributes, depth);
                _printed.Append(">");
                break;
            default:
                _printed.Append(OneWord(value));
                break;
        }
    }

    private string OneWord(object? value) => value switch
    {
        null => "None",
        bool flag => flag ? "True" : "False",
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number => JinjaFloat.Print(number),
        JinjaLongNumber number => number.Digits,
        JinjaUndefined => "Undefined",
        JinjaLoop loop => loop.Print(),
        _ => throw JinjaError.At(line, $"{JinjaOperations.KindOf(value)} is printed; in Python that is an address in memory"),
    };

    private void WriteList(JinjaList list, int depth)
    {
        (string open, string close) = list.Kind switch
        {
            JinjaListKind.List => ("[", "]"),
            JinjaListKind.Tuple or JinjaListKind.Group => ("(", list.Count == 1 ? ",)" : ")"),
            JinjaListKind.Keys => ("dict_keys([", "])"),
            JinjaListKind.Values => ("dict_values([", "])"),
            JinjaListKind.Items => ("dict_items([", "])"),
            _ => (Name(list.Range), ""),
        };
        _printed.Append(open);
        for (int i = 0; i < list.Count && close.Length > 0; i++)
        {
            if (i > 0)
                _printed.Append(", ");
            Write(list.Items[i], depth + 1);
        }

        _printed.Append(close);
    }

    private static string Name((long Start, long Stop, long Step) range) => range.Step == 1
        ? string.Create(CultureInfo.InvariantCulture, $"range({range.Start}, {range.Stop})")
        : string.Create(CultureInfo.InvariantCulture, $"range({range.Start}, {range.Stop}, {range.Step})");

    private void WriteMap(JinjaMap map, int depth)
    {
        _printed.Append("{");
        bool first = true;
        foreach ((object? key, object? value) in map.Entries)
        {
            if (!first)
                _printed.Append(", ");
            first = false;
            Write(key, depth + 1);
            _printed.Append(": ");
            Write(value, depth + 1);
        }

        _printed.Append("}");
    }

    private void Quote(TracedText text)
    {
        budget.Work(line, text.Length);
        char quote = text.Text.Contains('\'') && !text.Text.Contains('"') ? '"' : '\'';
        _printed.Append(quote);
        foreach (TracedText character in text.Characters())
            _printed.Append(Escape(character.Text, quote), character.OriginAt(0));
        _printed.Append(quote);
    }

    private static string Escape(string character, char quote)
    {
        switch (character[0])
        {
            case '\n':
                return "\\n";
            case '\r':
                return "\\r";
            case '\t':
                return "\\t";
            case '\\':
                return "\\\\";
            case char c when c == quote:
                return $"\\{c}";
            case > '\u001F' and < '\u007F':
                return character;
        }

        int codePoint = Rune.TryGetRuneAt(character, 0, out Rune rune) ? rune.Value : character[0];
        if (rune.Value == codePoint && JinjaCharacters.IsPrintable(rune))
            return character;
        string format = codePoint < 0x100 ? "\\x{0:x2}" : codePoint < 0x10000 ? "\\u{0:x4}" : "\\U{0:x8}";
        return string.Format(CultureInfo.InvariantCulture, format, codePoint);
    }
}
