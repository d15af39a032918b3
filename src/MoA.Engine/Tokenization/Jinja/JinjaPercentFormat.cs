using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Python's <c>format % values</c>.</summary>
internal sealed class JinjaPercentFormat
{
    private readonly TracedText _format;
    private readonly object? _values;
    private readonly int _line;
    private readonly JinjaBudget _budget;
    private readonly TracedTextBuilder _output = new();
    private int _at;
    private int _used;
    private bool _usesNames;

    private JinjaPercentFormat(TracedText format, object? values, int line, JinjaBudget budget)
    {
        (_format, _values, _line, _budget) = (format, values, line, budget);
    }

    public static TracedText Format(TracedText format, object? values, int line, JinjaBudget budget)
    {
        var run = new JinjaPercentFormat(format, values, line, budget);
        run.Run();
        return JinjaSlice.Like(format, run._output.ToText());
    }

    private void Run()
    {
        string format = _format.Text;
        while (_at < format.Length)
        {
            int mark = format.IndexOf('%', _at);
            mark = mark < 0 ? format.Length : mark;
            _output.Append(_format, _at, mark);
            _at = mark + 1;
            if (mark < format.Length)
                WriteDirective();
            _budget.Limit(_line, _output.Length);
        }

        int given = _values is JinjaList { IsTuple: true } tuple ? tuple.Count : 1;
        if (!_usesNames && _used < given && _values is not (JinjaMap or JinjaList { IsTuple: false }))
            throw JinjaError.At(_line, $"'%' has {given} values for {_used} places");
    }

    private void WriteDirective()
    {
        object? named = ReadName(out bool isNamed);
        var spec = new JinjaFormatSpec { Fill = ' ', Align = '>' };
        for (; Peek() is '-' or '+' or ' ' or '#' or '0'; _at++)
            spec = WithFlag(spec, Peek());
        if (ReadNumber() is { } width)
            spec = width < 0 ? spec with { Align = '<', Fill = ' ', Width = -width } : spec with { Width = width };
        if (Peek() == '.')
        {
            _at++;
            spec = spec with { Precision = (int)Math.Clamp(ReadNumber() ?? 0, 0, int.MaxValue) };
            if (spec.Precision > JinjaFormatSpec.MostDigits)
                throw JinjaError.At(_line, $"a precision of more than {JinjaFormatSpec.MostDigits} is not supported");
        }

        while (Peek() is 'l' or 'h' or 'L')
            _at++;
        if (_at >= _format.Length)
            throw JinjaError.At(_line, "an incomplete place after '%'");
        char kind = Peek();
        _at++;
        if (kind == '%')
        {
            _output.Append("%");
            return;
        }

        Write(kind, isNamed ? named : Next(), spec);
    }

    private static JinjaFormatSpec WithFlag(JinjaFormatSpec spec, char flag) => flag switch
    {
        '-' => spec with { Align = '<', Fill = ' ' },
        '+' => spec with { Sign = '+' },
        ' ' => spec.Sign == '+' ? spec : spec with { Sign = ' ' },
        '#' => spec with { Alternate = true },
        _ => spec.Align == '<' ? spec : spec with { Fill = '0', Align = '=' },
    };

    private void Write(char kind, object? value, JinjaFormatSpec spec)
    {
        switch (kind)
        {
            case 's' or 'r' or 'a':
                TracedText text = kind == 's' ? JinjaPrinter.Print(value, _line, _budget) : JinjaPrinter.Represent(value, _line, _budget);
                if (kind == 'a' && !text.Text.All(char.IsAscii))
                    throw JinjaError.At(_line, "'%a' of characters outside ASCII is not supported");
                JinjaFormatSpec plain = spec with { Fill = ' ', Align = spec.Align == '=' ? '>' : spec.Align, Sign = '-' };
                _output.Append(plain.Pad(plain.Cut(text), _line, _budget));
                break;
            case 'c':
                TracedText character = (value is bool flag ? flag ? 1L : 0L : value) is long code && Rune.IsValid((int)Math.Clamp(code, -1, int.MaxValue))
                    ? new TracedText(new Rune((int)code).ToString())
                    : value is TracedText { CodePoints: 1 } one ? one : throw JinjaError.At(_line, "'%c' takes one character or its number");
                _output.Append((spec with { Fill = ' ', Align = spec.Align == '=' ? '>' : spec.Align }).Pad(character, _line, _budget));
                break;
            case 'd' or 'i' or 'u' or 'x' or 'X' or 'o':
                long whole = value switch
                {
                    double real when kind is 'd' or 'i' or 'u' => Math.Abs(real) < long.MaxValue ? (long)real
                        : throw JinjaError.At(_line, $"'%{kind}': {JinjaNumbers.Beyond64Bits}"),
                    long number => number,
                    bool bit => bit ? 1 : 0,
                    _ => throw JinjaError.At(_line, $"'%{kind}' takes a whole number, found {JinjaOperations.KindOf(value)}"),
                };
                WriteInteger(whole, kind is 'i' or 'u' ? 'd' : kind, spec);
                break;
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                double real2 = JinjaOperations.AsNumber(value)
                    ?? throw JinjaError.At(_line, $"'%{kind}' takes a number, found {JinjaOperations.KindOf(value)}");
                _output.Append((spec with { Kind = kind }).Format(real2, _line, _budget));
                break;
            default:
                throw JinjaError.At(_line, $"'%{kind}' in a format is not supported");
        }
    }

    // A precision is the least number of digits.
    private void WriteInteger(long number, char kind, JinjaFormatSpec spec)
    {
        string digits = JinjaFormatSpec.Digits(number, kind);
        if (spec.Precision is int least)
            digits = digits.PadLeft(least, '0');
        string prefix = !spec.Alternate ? "" : kind switch { 'x' => "0x", 'X' => "0X", 'o' => "0o", _ => "" };
        string sign = number < 0 ? "-" : spec.Sign is '+' or ' ' ? spec.Sign.ToString() : "";
        _output.Append(spec.Pad(new TracedText(sign + prefix + digits), _line, _budget, (sign + prefix).Length));
    }

    private object? ReadName(out bool isNamed)
    {
        isNamed = Peek() == '(';
        if (!isNamed)
            return null;
        int depth = 1;
        int start = ++_at;
        for (; _at < _format.Length && depth > 0; _at++)
            depth += Peek() == '(' ? 1 : Peek() == ')' ? -1 : 0;
        if (depth > 0 || _values is not JinjaMap map)
            throw JinjaError.At(_line, depth > 0 ? "a name in a format that is not closed" : "'%(name)' takes a dictionary");
        _usesNames = true;
        TracedText name = _format.Slice(start, _at - 1);
        return map.TryGet(name, out object? value) ? value : throw JinjaError.At(_line, $"'%({name})': the dictionary has no such entry");
    }

    private long? ReadNumber()
    {
        if (Peek() == '*')
        {
            _at++;
            return Next() is long number ? Math.Clamp(number, -int.MaxValue, int.MaxValue) : throw JinjaError.At(_line, "'*' in a format takes a whole number");
        }

        int start = _at;
        while (char.IsAsciiDigit(Peek()))
            _at++;
        return start == _at ? null
            : int.TryParse(_format.Text.AsSpan(start, _at - start), CultureInfo.InvariantCulture, out int read) ? read
            : throw JinjaError.At(_line, "a number in a format is too large");
    }

    private char Peek() => _at < _format.Length ? _format.Text[_at] : '\0';

    private object? Next()
    {
        if (_values is JinjaList { IsTuple: true } tuple)
            return _used < tuple.Count ? tuple.Items[_used++] : throw JinjaError.At(_line, $"'%' has {tuple.Count} values, and more places");
        return _used++ == 0 ? _values : throw JinjaError.At(_line, "'%' has one value, and more places");
    }
}
