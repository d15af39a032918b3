using System.Globalization;
using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>What values mean: truth, equality, order, printing; as in Python.</summary>
internal static class JinjaOperations
{
    private const int MaximumDepth = 100;

    public static bool IsTrue(object? value) => value switch
    {
        null or JinjaUndefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        string text => text.Length > 0,
        List<object?> list => list.Count > 0,
        JinjaMap map => map.Count > 0,
        _ => true,
    };

    public static bool AreEqual(object? left, object? right, int depth = 0)
    {
        if (depth > MaximumDepth)
            return false;
        if (AsNumber(left) is { } x && AsNumber(right) is { } y)
            return x == y;
        return (left, right) switch
        {
            (null, null) or (JinjaUndefined, JinjaUndefined) => true,
            (string a, string b) => a == b,
            (List<object?> a, List<object?> b) =>
                a.Count == b.Count && a.Zip(b).All(pair => AreEqual(pair.First, pair.Second, depth + 1)),
            (JinjaMap a, JinjaMap b) => a.Count == b.Count
                && a.All(entry => b.TryGetValue(entry.Key, out object? other) && AreEqual(entry.Value, other, depth + 1)),
            _ => ReferenceEquals(left, right),
        };
    }

    public static int Compare(object? left, object? right, int line)
    {
        if (AsNumber(left) is { } x && AsNumber(right) is { } y)
            return x.CompareTo(y);
        return left is string a && right is string b
            ? string.CompareOrdinal(a, b)
            : throw JinjaError.At(line, $"{KindOf(left)} and {KindOf(right)} have no order");
    }

    public static double? AsNumber(object? value) => value switch
    {
        long number => number,
        double number => number,
        bool flag => flag ? 1 : 0,
        _ => null,
    };

    /// <summary>The items that a loop over a value sees.</summary>
    public static List<object?> Items(object? value, int line) => value switch
    {
        List<object?> list => list,
        JinjaMap map => [.. map.Keys],
        string text => [.. Characters(text)],
        JinjaUndefined => [],
        _ => throw JinjaError.At(line, $"cannot loop over {KindOf(value)}"),
    };

    /// <summary>The code points of a text, each as a text.</summary>
    public static IEnumerable<string> Characters(string text) => text.EnumerateRunes().Select(rune => rune.ToString());

    /// <summary>What Python's <c>len</c> gives: code points, items or entries.</summary>
    public static long Length(object? value, int line) => value switch
    {
        string text => text.EnumerateRunes().Count(),
        List<object?> list => list.Count,
        JinjaMap map => map.Count,
        JinjaUndefined => 0,
        _ => throw JinjaError.At(line, $"{KindOf(value)} has no length"),
    };

    public static bool Contains(object? container, object? item, int line) => container switch
    {
        string text => item is string part
            ? text.Contains(part, StringComparison.Ordinal)
            : throw JinjaError.At(line, $"cannot look for {KindOf(item)} in a text"),
        List<object?> list => list.Exists(candidate => AreEqual(candidate, item)),
        JinjaMap map => item is string key && map.ContainsKey(key),
        JinjaUndefined => false,
        _ => throw JinjaError.At(line, $"cannot look for something in {KindOf(container)}"),
    };

    /// <summary>What a value prints as.</summary>
    public static string Print(object? value) => value switch
    {
        string text => text,
        JinjaUndefined => "",
        _ => Represent(value, 0),
    };

    public static string KindOf(object? value) => value switch
    {
        null => "none",
        JinjaUndefined undefined => $"'{undefined.Name}', which is undefined,",
        bool => "a boolean",
        long or double => "a number",
        string => "a text",
        List<object?> => "a list",
        JinjaMap => "a dictionary",
        JinjaNamespace => "a namespace",
        _ => "a function",
    };

    private static string Represent(object? value, int depth) => value switch
    {
        null => "None",
        bool flag => flag ? "True" : "False",
        long number => number.ToString(CultureInfo.InvariantCulture),
        double number => PrintFloat(number),
        string text => Quote(text),
        _ when depth > MaximumDepth => "...",
        List<object?> list => $"[{string.Join(", ", list.Select(item => Represent(item, depth + 1)))}]",
        JinjaMap map => $"{{{string.Join(", ", map.Select(e => $"{Quote(e.Key)}: {Represent(e.Value, depth + 1)}"))}}}",
        JinjaUndefined => "Undefined",
        _ => $"<{KindOf(value)}>",
    };

    public static string PrintFloat(double number)
    {
        string text = number.ToString("R", CultureInfo.InvariantCulture);
        return text.AsSpan().IndexOfAny(".EN∞") >= 0 ? text.ToLowerInvariant() : text + ".0";
    }

    private static string Quote(string text)
    {
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var quoted = new StringBuilder().Append(quote);
        foreach (char c in text)
        {
            _ = c switch
            {
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                '\\' => quoted.Append("\\\\"),
                _ when c == quote => quoted.Append('\\').Append(c),
                _ => quoted.Append(c),
            };
        }

        return quoted.Append(quote).ToString();
    }
}
