using System.Globalization;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Python's <c>strftime</c> on a local time without zone, in English.</summary>
internal static class JinjaClock
{
    public static TracedText Format(DateTimeOffset now, TracedText format, JinjaArguments arguments)
    {
        var text = new TracedTextBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format.Text[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format.Text[i], format.OriginAt(i));
                continue;
            }

            char? flag = format.Text[i + 1] is '-' or '_' or '0' or '^' ? format.Text[++i] : null;
            char part = ++i < format.Length ? format.Text[i] : ' ';
            text.Append(Adjust(Part(now.DateTime, part) ?? throw arguments.Fail($"strftime_now does not know %{flag}{part}"), flag));
        }

        return text.ToText();
    }

    private static string? Part(DateTime now, char part)
    {
        int hour = (now.Hour + 11) % 12 + 1;
        return part switch
        {
            'a' => Write("ddd"),
            'A' => Write("dddd"),
            'b' or 'h' => Write("MMM"),
            'B' => Write("MMMM"),
            'c' => Write("ddd MMM ") + $"{now.Day,2}" + Write(" HH:mm:ss yyyy"),
            'C' => Two(now.Year / 100),
            'd' => Two(now.Day),
            'D' or 'x' => Write("MM/dd/yy"),
            'e' => $"{now.Day,2}",
            'f' => Write("ffffff"),
            'F' => Write("yyyy-MM-dd"),
            'g' => Two(ISOWeek.GetYear(now) % 100),
            'G' => ISOWeek.GetYear(now).ToString(CultureInfo.InvariantCulture),
            'H' => Two(now.Hour),
            'I' => Two(hour),
            'j' => now.DayOfYear.ToString("D3", CultureInfo.InvariantCulture),
            'k' => $"{now.Hour,2}",
            'l' => $"{hour,2}",
            'm' => Two(now.Month),
            'M' => Two(now.Minute),
            'n' => "\n",
            'p' => Write("tt"),
            'P' => Write("tt").ToLowerInvariant(),
            'r' => Write("hh:mm:ss tt"),
            'R' => Write("HH:mm"),
            's' => new DateTimeOffset(now).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            'S' => Two(now.Second),
            't' => "\t",
            'T' or 'X' => Write("HH:mm:ss"),
            'u' => ((int)(now.DayOfWeek + 6) % 7 + 1).ToString(CultureInfo.InvariantCulture),
            'U' => Two((now.DayOfYear + 6 - (int)now.DayOfWeek) / 7),
            'V' => Two(ISOWeek.GetWeekOfYear(now)),
            'w' => ((int)now.DayOfWeek).ToString(CultureInfo.InvariantCulture),
            'W' => Two((now.DayOfYear + 6 - ((int)now.DayOfWeek + 6) % 7) / 7),
            'y' => Write("yy"),
            'Y' => now.Year.ToString(CultureInfo.InvariantCulture),
            'z' or 'Z' => "",
            '%' => "%",
            _ => null,
        };

        string Write(string format) => now.ToString(format, CultureInfo.InvariantCulture);

        static string Two(int number) => number.ToString("D2", CultureInfo.InvariantCulture);
    }

    // glibc's flags: no filling, filled with blanks, filled with zeros, capitals.
    private static string Adjust(string text, char? flag)
    {
        string unfilled = text.TrimStart('0', ' ');
        bool isNumber = text.Length > 0 && text.TrimStart(' ').All(char.IsAsciiDigit);
        unfilled = unfilled.Length > 0 ? unfilled : "0";
        return flag switch
        {
            '^' => text.ToUpperInvariant(),
            '-' when isNumber => unfilled,
            '_' when isNumber => unfilled.PadLeft(text.Length),
            '0' when isNumber => unfilled.PadLeft(text.Length, '0'),
            _ => text,
        };
    }
}
