using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The functions that transformers gives to chat templates.</summary>
internal static class JinjaGlobals
{
    private const int LongestRange = 100_000;

    /// <param name="clock">Tells the date for <c>strftime_now</c>.</param>
    public static IEnumerable<KeyValuePair<string, object?>> All(TimeProvider clock) =>
    [
        new("namespace", (JinjaFunction)MakeNamespace),
        new("dict", (JinjaFunction)MakeMap),
        new("range", (JinjaFunction)MakeRange),
        new("raise_exception", (JinjaFunction)Raise),
        new("strftime_now", (JinjaFunction)(arguments => FormatTime(clock.GetLocalNow(), arguments))),
    ];

    private static JinjaNamespace MakeNamespace(JinjaArguments arguments)
    {
        var space = new JinjaNamespace();
        foreach ((string name, object? value) in arguments.Named)
            space.Attributes[name] = value;
        return space;
    }

    private static JinjaMap MakeMap(JinjaArguments arguments)
    {
        var map = new JinjaMap();
        foreach ((string name, object? value) in arguments.Named)
            map[name] = value;
        return map;
    }

    private static List<object?> MakeRange(JinjaArguments arguments)
    {
        if (arguments.Positional.Count is < 1 or > 3 || arguments.Positional.Any(bound => bound is not long))
            throw new InvalidInputException("chat template: range takes one to three whole numbers");
        long[] bounds = [.. arguments.Positional.Cast<long>()];
        (long start, long stop, long step) = bounds.Length == 1 ? (0, bounds[0], 1) : (bounds[0], bounds[1], bounds.ElementAtOrDefault(2));
        step = bounds.Length < 3 ? 1 : step;
        if (step == 0)
            throw new InvalidInputException("chat template: range with step 0");
        var numbers = new List<object?>();
        for (Int128 number = start; step > 0 ? number < stop : number > stop; number += step)
        {
            if (numbers.Count == LongestRange)
                throw new InvalidInputException($"chat template: range of more than {LongestRange} numbers");
            numbers.Add((long)number);
        }

        return numbers;
    }

    private static object? Raise(JinjaArguments arguments) => throw new InvalidInputException(
        $"the chat template refuses the conversation: {OneLine(JinjaOperations.Print(arguments.First))}");

    private static string OneLine(string text) => text.ReplaceLineEndings(" ");

    private static string FormatTime(DateTimeOffset now, JinjaArguments arguments)
    {
        string format = arguments.First as string
            ?? throw new InvalidInputException("chat template: strftime_now takes a format");
        var text = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] == '%' && i + 1 < format.Length)
                text.Append(FormatPart(now, format[++i]));
            else
                text.Append(format[i]);
        }

        return text.ToString();
    }

    private static string FormatPart(DateTimeOffset now, char part)
    {
        return part switch
        {
            'd' => Write("dd"),
            'm' => Write("MM"),
            'Y' => Write("yyyy"),
            'y' => Write("yy"),
            'b' => Write("MMM"),
            'B' => Write("MMMM"),
            'a' => Write("ddd"),
            'A' => Write("dddd"),
            'H' => Write("HH"),
            'I' => Write("hh"),
            'M' => Write("mm"),
            'S' => Write("ss"),
            'p' => Write("tt"),
            'F' => Write("yyyy-MM-dd"),
            'T' => Write("HH:mm:ss"),
            'j' => now.DayOfYear.ToString("D3", CultureInfo.InvariantCulture),
            '%' => "%",
            _ => throw new InvalidInputException($"chat template: strftime_now does not know %{part}"),
        };

        string Write(string format) => now.ToString(format, CultureInfo.InvariantCulture);
    }
}
