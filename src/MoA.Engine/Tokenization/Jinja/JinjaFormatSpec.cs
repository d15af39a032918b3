using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>How a value is formatted: Python's format specification.</summary>
internal sealed record JinjaFormatSpec
{
    /// <summary>The highest precision.</summary>
    public const int MostDigits = 10_000;

    public char Fill { get; init; } = ' ';

    /// <summary><c>&lt;</c>, <c>&gt;</c>, <c>^</c> or, behind the sign, <c>=</c>; null for the usual one.</summary>
    public char? Align { get; init; }

    public char Sign { get; init; } = '-';

    public bool Alternate { get; init; }

    public long Width { get; init; }

    /// <summary>What stands between groups of digits; null for nothing.</summary>
    public char? Grouping { get; init; }

    public int? Precision { get; init; }

    /// <summary>The presentation type, such as <c>d</c> or <c>f</c>; null for the usual one.</summary>
    public char? Kind { get; init; }

    public static JinjaFormatSpec Parse(string text, int line)
    {
        var spec = new JinjaFormatSpec();
        int at = 0;
        if (text.Length > 1 && text[1] is '<' or '>' or '^' or '=')
            (spec, at) = (spec with { Fill = text[0], Align = text[1] }, 2);
        else if (text.Length > 0 && text[0] is '<' or '>' or '^' or '=')
            (spec, at) = (spec with { Align = text[0] }, 1);
        if (Peek() is '+' or '-' or ' ')
            spec = spec with { Sign = text[at++] };
        if (Peek() == '#')
            (spec, at) = (spec with { Alternate = true }, at + 1);
        if (Peek() == '0')
        {
            spec = spec.Align is null ? spec with { Fill = '0', Align = '=' } : at > 1 && spec.Fill != ' ' ? spec : spec with { Fill = '0' };
            at++;
        }

        spec = spec with { Width = Number() ?? 0 };
        if (Peek() is ',' or '_')
            spec = spec with { Grouping = text[at++] };
        if (Peek() == '.')
        {
            at++;
            spec = spec with { Precision = Number() ?? throw JinjaError.At(line, $"the format '{text}' has no precision after its point") };
        }

        if (spec.Precision > MostDigits)
            throw JinjaError.At(line, $"a precision of more than {MostDigits} is not supported");
        if (at < text.Length)
            spec = spec with { Kind = text[at++] };
        if (spec.Grouping is char grouping && (spec.Kind is 'n' or 'c' || (grouping == ',' && spec.Kind is 'b' or 'o' or 'x' or 'X')))
            throw JinjaError.At(line, $"the format '{text}' has a '{grouping}' that does not go with '{spec.Kind}'");
        return at == text.Length ? spec : throw JinjaError.At(line, $"the format '{text}' is malformed");

        char Peek() => at < text.Length ? text[at] : '\0';

        int? Number()
        {
            int start = at;
            while (char.IsAsciiDigit(Peek()))
                at++;
            return start == at ? null
                : int.TryParse(text.AsSpan(start, at - start), CultureInfo.InvariantCulture, out int number) && number < 100_000_000 ? number
                : throw JinjaError.At(line, $"a number in the format '{text}' is too large");
        }
    }

    /// <summary>The digits of a whole number without its sign.</summary>
    public static string Digits(long number, char kind)
    {
        UInt128 size = number < 0 ? (UInt128)(-(Int128)number) : (UInt128)number;
        return kind switch
        {
            'x' => size.ToString("x", CultureInfo.InvariantCulture),
            'X' => size.ToString("X", CultureInfo.InvariantCulture),
            'b' => size.ToString("b", CultureInfo.InvariantCulture),
            'o' => Octal(size),
            _ => size.ToString(CultureInfo.InvariantCulture),
        };
    }

    public TracedText Format(object? value, int line, JinjaBudget budget)
    {
        switch (value)
        {
            case TracedText text:
                if (Kind is not (null or 's') || Align == '=' || Sign != '-' || Alternate || Grouping is not null)
                    throw JinjaError.At(line, "the format does not go with a text");
                return Pad(Cut(text), line, budget, defaultAlign: '<');
            case long number when Kind is null or 'd' or 'x' or 'X' or 'o' or 'b' or 'n':
                return FormatInteger(number, line, budget);
            case long number when Kind == 'c':
                return Rune.IsValid((int)Math.Clamp(number, -1, int.MaxValue))
                    ? Pad(new TracedText(new Rune((int)number).ToString()), line, budget, defaultAlign: '<')
                    : throw JinjaError.At(line, $"{number} is the number of no character");
            case bool flag when Kind is not 's':
                return Format(flag ? 1L : 0L, line, budget);
            case long number:
                return FormatFloat(number, line, budget);
            case double number:
                return FormatFloat(number, line, budget);
            default:
                throw JinjaError.At(line, $"a format does not go with {JinjaOperations.KindOf(value)}");
        }
    }

    /// <summary>A text cut to the precision.</summary>
    public TracedText Cut(TracedText text) =>
        Precision is int most && text.CodePoints > most ? text.Slice(0, text.PositionOf(most)) : text;

    /// <summary>A text filled up to the width; <paramref name="signLength"/> characters stay before the fill where that goes behind the sign.</summary>
    public TracedText Pad(TracedText text, int line, JinjaBudget budget, int signLength = 0, char defaultAlign = '>')
    {
        var fill = new TracedText(Fill.ToString());
        switch (Align ?? defaultAlign)
        {
            case '<':
                return JinjaText.Pad(text, Width, fill, before: 0, line, budget);
            case '^':
                long missing = Math.Max(0, Width - text.CodePoints);
                TracedText left = JinjaText.Pad(text, text.CodePoints + missing / 2, fill, before: 1, line, budget);
                return JinjaText.Pad(left, Width, fill, before: 0, line, budget);
            case '=':
                return text.Slice(0, signLength) + JinjaText.Pad(text.Slice(signLength), Width - signLength, fill, before: 1, line, budget);
            default:
                return JinjaText.Pad(text, Width, fill, before: 1, line, budget);
        }
    }

    private TracedText FormatInteger(long number, int line, JinjaBudget budget)
    {
        if (Precision is not null)
            throw JinjaError.At(line, "a format of a whole number has no precision");
        char kind = Kind ?? 'd';
        string prefix = Alternate && kind is not ('d' or 'n') ? "0" + kind : "";
        return Number(SignOf(number < 0) + prefix, Digits(number, kind), "", kind is 'd' or 'n' ? 3 : 4, line, budget);
    }

    private TracedText FormatFloat(double number, int line, JinjaBudget budget)
    {
        if (Kind is not (null or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n' or '%'))
            throw JinjaError.At(line, $"the format '{Kind}' does not go with a number");
        string text = Text(Math.Abs(Kind == '%' ? number * 100 : number));
        if (Kind is 'E' or 'F' or 'G')
            text = text.ToUpperInvariant();
        int point = text.AsSpan().IndexOfAny(".eE%");
        point = point < 0 || !double.IsFinite(number) ? text.Length : point;
        return Number(SignOf(double.IsNegative(number)), text[..point], text[point..], 3, line, budget);
    }

    private string Text(double number)
    {
        string percent = Kind == '%' ? "%" : "";
        if (!double.IsFinite(number))
            return JinjaFloat.Print(number) + percent;
        int precision = Precision ?? 6;
        return Kind switch
        {
            'f' or 'F' or '%' => JinjaFloat.Fixed(number, precision, Alternate) + percent,
            'e' or 'E' => JinjaFloat.Exponential(number, precision, Alternate),
            'g' or 'G' or 'n' => JinjaFloat.General(number, precision, Alternate),
            _ => Precision is null ? JinjaFloat.Print(number, Alternate) : JinjaFloat.GeneralWithPoint(number, precision, Alternate),
        };
    }

    private string SignOf(bool isNegative) => isNegative ? "-" : Sign is '+' or ' ' ? Sign.ToString() : "";

    // Groups the digits; zeros that fill up behind the sign are grouped too.
    private TracedText Number(string sign, string digits, string rest, int group, int line, JinjaBudget budget)
    {
        if (Grouping is char separator)
        {
            if (Fill == '0' && Align == '=')
            {
                long room = Width - sign.Length - rest.Length;
                budget.Work(line, Math.Max(0, room));
                while (Grouped(digits, group, separator).Length < room)
                    digits = "0" + digits;
            }

            digits = Grouped(digits, group, separator);
        }

        return Pad(new TracedText(sign + digits + rest), line, budget, sign.Length);
    }

    private static string Grouped(string digits, int group, char separator)
    {
        for (int at = digits.Length - group; at > 0; at -= group)
            digits = digits.Insert(at, separator.ToString());
        return digits;
    }

    private static string Octal(UInt128 number)
    {
        string digits = "";
        do
        {
            digits = (char)('0' + (int)(number & 7)) + digits;
            number >>= 3;
        }
        while (number > 0);
        return digits;
    }
}
