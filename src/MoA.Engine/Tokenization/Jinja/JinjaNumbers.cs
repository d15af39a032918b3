using System.Globalization;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Numbers from texts as Python's int and float read them, and the filters on numbers.</summary>
internal static class JinjaNumbers
{
    public const string Beyond64Bits = "whole numbers beyond 64 bits are not supported";

    private static readonly string[] DecimalUnits = ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    private static readonly string[] BinaryUnits = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];

    /// <summary>A whole number in a base from 2 to 36; base 0 reads the prefixes 0x, 0o and 0b. Null where the text is none; one beyond 64 bits is some number beyond them.</summary>
    public static Int128? ParseInteger(string text, int numberBase)
    {
        text = Trim(text);
        bool isNegative = text.StartsWith('-');
        if (text.Length > 0 && text[0] is '+' or '-')
            text = text[1..];
        int prefixed = text.Length > 1 && text[0] == '0' ? char.ToLowerInvariant(text[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (prefixed > 0 && (numberBase == 0 || numberBase == prefixed))
        {
            numberBase = prefixed;
            text = text[2..].StartsWith('_') ? text[3..] : text[2..];
        }
        else if (numberBase == 0)
        {
            if (text.Length > 1 && text[0] == '0' && text.Trim('0', '_').Length > 0)
                return null;
            numberBase = 10;
        }

        if (WithoutUnderscores(text) is not { Length: > 0 } digits)
            return null;
        Int128 number = 0;
        foreach (char c in digits)
        {
            int digit = char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : CharUnicodeInfo.GetDecimalDigitValue(c);
            if (digit < 0 || digit >= numberBase)
                return null;
            number = number > long.MaxValue ? number : number * numberBase + digit;
        }

        return isNegative ? -number : number;
    }

    /// <summary>A floating-point number; null where the text is none.</summary>
    public static double? ParseFloat(string text)
    {
        text = string.Concat(Trim(text).Select(c => CharUnicodeInfo.GetDecimalDigitValue(c) is >= 0 and int digit ? (char)('0' + digit) : c));
        string name = text.TrimStart('+', '-').ToLowerInvariant();
        if (name is "inf" or "infinity" or "nan" && text.Length - name.Length <= 1)
            return name == "nan" ? double.NaN : text.StartsWith('-') ? double.NegativeInfinity : double.PositiveInfinity;
        return WithoutUnderscores(text) is { } digits && digits.Length > 0 && (char.IsAsciiDigit(digits[^1]) || digits[^1] == '.')
            && double.TryParse(digits, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double number)
            ? number : null;
    }

    public static object? Int(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("int", ("default", 0L), ("base", 10L));
        Refuse(value, arguments, "int");
        if (value is TracedText text && ParseInteger(text.Text, (int)Math.Clamp(arguments.Integer(bound[1], "int"), 0, 36)) is { } parsed)
            return parsed >= long.MinValue && parsed <= long.MaxValue ? (long)parsed : throw arguments.Fail($"int: {Beyond64Bits}");
        if (value is long)
            return value;
        double? number = value is TracedText digits ? ParseFloat(digits.Text) : JinjaOperations.AsNumber(value);
        return number is not { } real || !double.IsFinite(real) ? bound[0]
            : Math.Abs(real) < long.MaxValue ? (object)(long)real
            : throw arguments.Fail($"int: {Beyond64Bits}");
    }

    public static object? Float(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("float", ("default", 0.0));
        Refuse(value, arguments, "float");
        return (value is TracedText text ? ParseFloat(text.Text) : JinjaOperations.AsNumber(value)) is { } number ? number : bound[0];
    }

    public static object Abs(object? value, JinjaArguments arguments)
    {
        arguments.Bind("abs");
        double number = JinjaOperations.AsNumber(value) ?? throw arguments.Fail($"abs: expected a number, found {JinjaOperations.KindOf(value)}");
        return value is double ? Math.Abs(number) : number < 0 ? JinjaArithmetic.Negate(value, arguments.Line) : value is true ? 1L : value is false ? 0L : value!;
    }

    public static object Round(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("round", ("precision", 0L), ("method", new TracedText("common")));
        double number = JinjaOperations.AsNumber(value) ?? throw arguments.Fail($"round: expected a number, found {JinjaOperations.KindOf(value)}");
        int places = (int)Math.Clamp(arguments.Integer(bound[0], "round"), -1000, 1000);
        string method = arguments.Text(bound[1], "round").Text;
        if (method is not ("common" or "ceil" or "floor"))
            throw arguments.Fail($"round: the method is common, ceil or floor, found '{method}'");
        if (method == "common")
        {
            return value is double ? JinjaFloat.Round(number, places)
                : places >= 0 ? (object)Whole(value)
                : RoundInteger(Whole(value), -places, arguments);
        }

        double factor = Math.Pow(10, places);
        return ((method == "ceil" ? Math.Ceiling(number * factor) : Math.Floor(number * factor)) + 0.0) / factor;
    }

    // Half to even, as with fractions.
    private static long RoundInteger(Int128 number, int zeros, JinjaArguments arguments)
    {
        Int128 unit = 1;
        for (int i = 0; i < Math.Min(zeros, 20); i++)
            unit *= 10;
        Int128 lower = number / unit - (number % unit < 0 ? 1 : 0);
        Int128 rest = number - lower * unit;
        Int128 rounded = (2 * rest > unit || (2 * rest == unit && !Int128.IsEvenInteger(lower)) ? lower + 1 : lower) * unit;
        return rounded >= long.MinValue && rounded <= long.MaxValue ? (long)rounded : throw arguments.Fail($"round: {Beyond64Bits}");
    }

    public static TracedText FileSize(object? value, JinjaArguments arguments)
    {
        bool binary = JinjaOperations.IsTrue(arguments.Bind("filesizeformat", ("binary", false))[0]);
        double bytes = (value is TracedText text ? ParseFloat(text.Text) : JinjaOperations.AsNumber(value))
            ?? throw arguments.Fail($"filesizeformat: expected a number, found {JinjaOperations.KindOf(value)}");
        double numberBase = binary ? 1024 : 1000;
        string[] units = binary ? BinaryUnits : DecimalUnits;
        if (bytes == 1)
            return new TracedText("1 Byte");
        if (bytes < numberBase)
            return new TracedText(string.Create(CultureInfo.InvariantCulture, $"{Math.Truncate(bytes) + 0.0:0} Bytes"));
        double unit = numberBase;
        int i = -1;
        do
        {
            unit *= numberBase;
            i++;
        }
        while (bytes >= unit && i < units.Length - 1);
        return new TracedText($"{JinjaFloat.Fixed(numberBase * bytes / unit, 1)} {units[i]}");
    }

    private static void Refuse(object? value, JinjaArguments arguments, string filter)
    {
        if (value is JinjaUndefined)
            throw arguments.Fail($"{filter}: expected a number, found {JinjaOperations.KindOf(value)}");
    }

    private static long Whole(object? value) => value is long number ? number : value is true ? 1 : 0;

    private static string Trim(string text)
    {
        TracedText trimmed = JinjaText.Strip(new TracedText(text), characters: null, left: true, right: true);
        return trimmed.Text;
    }

    // Underscores stand between digits only; null where one does not.
    private static string? WithoutUnderscores(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '_' && (i == 0 || i == text.Length - 1 || !char.IsLetterOrDigit(text[i - 1]) || !char.IsLetterOrDigit(text[i + 1])))
                return null;
        }

        return text.Replace("_", "", StringComparison.Ordinal);
    }
}
