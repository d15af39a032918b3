using System.Globalization;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Python's <c>str.format</c>: <c>{0}</c>, <c>{name.attribute[key]!r:specification}</c>.</summary>
internal sealed class JinjaBraceFormat
{
    private const int MaximumDepth = 2;

    private readonly JinjaArguments _arguments;
    private int _next;
    private bool _counts;
    private bool _numbers;

    private JinjaBraceFormat(JinjaArguments arguments) => _arguments = arguments;

    public static TracedText Format(TracedText format, JinjaArguments arguments) =>
        new JinjaBraceFormat(arguments).Format(format, MaximumDepth);

    private TracedText Format(TracedText format, int depth)
    {
        if (depth == 0)
            throw _arguments.Fail("format: fields nested too deeply");
        var output = new TracedTextBuilder();
        string text = format.Text;
        for (int at = 0; at < text.Length;)
        {
            int brace = text.AsSpan(at).IndexOfAny('{', '}');
            int plain = brace < 0 ? text.Length : at + brace;
            output.Append(format, at, plain);
            if (plain == text.Length)
                break;
            if (plain + 1 < text.Length && text[plain + 1] == text[plain])
            {
                output.Append(format, plain, plain + 1);
                at = plain + 2;
                continue;
            }

            if (text[plain] == '}')
                throw _arguments.Fail("format: a single '}'");
            int end = FieldEnd(text, plain + 1);
            output.Append(FormatField(format.Slice(plain + 1, end), depth));
            _arguments.Budget.Limit(_arguments.Line, output.Length);
            at = end + 1;
        }

        return output.ToText();
    }

    private int FieldEnd(string text, int at)
    {
        for (int depth = 1; at < text.Length; at++)
        {
            depth += text[at] == '{' ? 1 : text[at] == '}' ? -1 : 0;
            if (depth == 0)
                return at;
        }

        throw _arguments.Fail("format: a field that is not closed by '}'");
    }

    private TracedText FormatField(TracedText field, int depth)
    {
        string text = field.Text;
        int nameEnd = NameEnd(text);
        object? value = Find(text[..nameEnd]);
        int at = nameEnd;
        if (at < text.Length && text[at] == '!')
        {
            if (at + 1 >= text.Length || (at + 2 < text.Length && text[at + 2] != ':'))
                throw _arguments.Fail("format: expected ':' or the end of the field after the conversion");
            value = text[at + 1] switch
            {
                's' => JinjaPrinter.Print(value, _arguments.Line, _arguments.Budget),
                'r' => JinjaPrinter.Represent(value, _arguments.Line, _arguments.Budget),
                char other => throw _arguments.Fail($"format: the conversion '!{other}' is not supported"),
            };
            at += 2;
        }

        TracedText spec = at < text.Length ? Format(field.Slice(at + 1), depth - 1) : TracedText.Empty;
        return spec.Length == 0
            ? JinjaPrinter.Print(value, _arguments.Line, _arguments.Budget)
            : JinjaFormatSpec.Parse(spec.Text, _arguments.Line).Format(value, _arguments.Line, _arguments.Budget);
    }

    private static int NameEnd(string field)
    {
        bool inBrackets = false;
        for (int at = 0; at < field.Length; at++)
        {
            if (field[at] is '[' or ']')
                inBrackets = field[at] == '[';
            else if (!inBrackets && field[at] is '!' or ':')
                return at;
        }

        return field.Length;
    }

    // The argument by place or name, then its attributes and items.
    private object? Find(string name)
    {
        int end = name.AsSpan().IndexOfAny('.', '[');
        end = end < 0 ? name.Length : end;
        object? value = Argument(name[..end]);
        while (end < name.Length)
        {
            int start = end + 1;
            if (name[end] == '.')
            {
                end = name.AsSpan(start).IndexOfAny('.', '[');
                end = end < 0 ? name.Length : start + end;
                value = JinjaAttributes.Attribute(value, name[start..end], _arguments.Line, _arguments.Budget);
                continue;
            }

            end = name.IndexOf(']', start);
            if (name[start - 1] != '[' || end < 0)
                throw _arguments.Fail($"format: the field '{name}' is malformed");
            string key = name[start..end];
            object index = long.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out long place) ? place : new TracedText(key);
            value = JinjaAttributes.Item(value, index, _arguments.Line, _arguments.Budget);
            end++;
        }

        return value;
    }

    private object? Argument(string name)
    {
        bool isPlace = int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int place);
        _counts |= name.Length == 0;
        _numbers |= isPlace;
        if (_counts && _numbers)
            throw _arguments.Fail("format: fields with and without numbers are mixed");
        if (name.Length == 0 || isPlace)
        {
            place = isPlace ? place : _next++;
            return place < _arguments.Positional.Count ? _arguments.Positional[place] : throw _arguments.Fail($"format: there is no argument {place}");
        }

        return _arguments.Named.TryGetValue(name, out object? value) ? value : throw _arguments.Fail($"format: there is no argument '{name}'");
    }
}
