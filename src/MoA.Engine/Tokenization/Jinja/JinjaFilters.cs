using System.Globalization;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The filters, <c>value | name(arguments)</c>.</summary>
internal static class JinjaFilters
{
    public static object? Apply(string name, object? value, JinjaArguments arguments, int line, JinjaBudget budget)
    {
        if (value is string text)
            budget.Work(line, text.Length);
        switch (name)
        {
            case "trim":
                string? characters = arguments.TryGet(0, "chars", out object? set) ? set as string : null;
                return JinjaText.Strip(JinjaOperations.Print(value), characters, left: true, right: true);
            case "upper":
                return JinjaOperations.Print(value).ToUpperInvariant();
            case "lower":
                return JinjaOperations.Print(value).ToLowerInvariant();
            case "title":
                return JinjaText.Title(JinjaOperations.Print(value));
            case "capitalize":
                return JinjaText.Capitalize(JinjaOperations.Print(value));
            case "string":
                return JinjaOperations.Print(value);
            case "safe":
                return value;
            case "length" or "count":
                return JinjaOperations.Length(value, line);
            case "replace":
                return Replace(
                    JinjaOperations.Print(value), Text(arguments, 0, "old"), Text(arguments, 1, "new"),
                    arguments.TryGet(2, "count", out object? limit) && limit is long count ? count : -1, line, budget);
            case "indent":
                return Indent(JinjaOperations.Print(value), arguments, line, budget);
            case "default" or "d":
                return Default(value, arguments);
            case "int":
                return ToInteger(value, arguments);
            case "float":
                return ToFloat(value);
            case "abs":
                return JinjaOperations.AsNumber(value) < 0 ? JinjaArithmetic.Negate(value, line) : value;
            case "tojson":
                return ToJson(value, arguments, line, budget);
            case "items":
                return value is JinjaUndefined ? [] : JinjaMethods.Entries(value as JinjaMap
                    ?? throw JinjaError.At(line, $"items: expected a dictionary, found {JinjaOperations.KindOf(value)}"));
            case "list" or "first" or "last" or "reverse" or "join" or "map" or "select" or "reject" or "selectattr" or "rejectattr":
                List<object?> items = JinjaOperations.Items(value, line);
                budget.Steps(line, items.Count);
                return ApplyToItems(name, items, value, arguments, line, budget);
            default:
                throw JinjaError.At(line, $"the filter '{name}' is not supported");
        }

        string Text(JinjaArguments given, int index, string argument) =>
            given.TryGet(index, argument, out object? part) ? JinjaOperations.Print(part)
            : throw JinjaError.At(line, $"{name}: the argument '{argument}' is missing");
    }

    public static string Join(List<object?> items, string separator, int line, JinjaBudget budget)
    {
        List<string> parts = items.ConvertAll(JinjaOperations.Print);
        budget.Work(line, parts.Sum(part => (long)part.Length + separator.Length));
        return string.Join(separator, parts);
    }

    public static string Replace(string text, string find, string replacement, long limit, int line, JinjaBudget budget)
    {
        long most = find.Length == 0 ? text.Length + 1L : text.Length / find.Length;
        budget.Work(line, text.Length + most * Math.Max(0, replacement.Length - find.Length));
        return JinjaText.Replace(text, find, replacement, limit);
    }

    private static object? ApplyToItems(
        string name, List<object?> items, object? value, JinjaArguments arguments, int line, JinjaBudget budget)
    {
        switch (name)
        {
            case "list":
                return new List<object?>(items);
            case "first":
                return items.Count > 0 ? items[0] : new JinjaUndefined("the first of no items");
            case "last":
                return items.Count > 0 ? items[^1] : new JinjaUndefined("the last of no items");
            case "reverse":
                List<object?> reversed = [.. Enumerable.Reverse(items)];
                return value is string ? Join(reversed, "", line, budget) : reversed;
            case "join":
                string separator = arguments.TryGet(0, "d", out object? between) ? JinjaOperations.Print(between) : "";
                return Join(MapAttribute(items, arguments.Named.GetValueOrDefault("attribute"), line, budget), separator, line, budget);
            case "map":
                return Map(items, arguments, line, budget);
            case "select" or "reject":
                return items.FindAll(item => Passes(item, arguments, 0, line, budget) == (name == "select"));
            default:
                string attribute = arguments.First as string
                    ?? throw JinjaError.At(line, $"{name}: the name of an attribute is missing");
                return items.FindAll(item =>
                    Passes(Read(item, attribute, line, budget), arguments, 1, line, budget) == (name == "selectattr"));
        }
    }

    private static List<object?> Map(List<object?> items, JinjaArguments arguments, int line, JinjaBudget budget)
    {
        if (arguments.Named.TryGetValue("attribute", out object? attribute))
            return MapAttribute(items, attribute, line, budget);
        string filter = arguments.First as string
            ?? throw JinjaError.At(line, "map: the name of a filter or an attribute is missing");
        if (filter is "map" or "select" or "reject" or "selectattr" or "rejectattr")
            throw JinjaError.At(line, $"map: the filter '{filter}' within map is not supported");
        var rest = new JinjaArguments([.. arguments.Positional.Skip(1)], arguments.Named);
        return items.ConvertAll(item => Apply(filter, item, rest, line, budget));
    }

    private static List<object?> MapAttribute(List<object?> items, object? attribute, int line, JinjaBudget budget) =>
        attribute is string name ? items.ConvertAll(item => Read(item, name, line, budget)) : items;

    // An entry before an attribute; a path has dots.
    private static object? Read(object? item, string path, int line, JinjaBudget budget)
    {
        foreach (string name in path.Split('.'))
        {
            item = item is JinjaMap map && map.TryGetValue(name, out object? entry)
                ? entry
                : JinjaMethods.Attribute(item, name, line, budget);
        }

        return item;
    }

    // The arguments from an index on name a test and its arguments; without them the truth of the value counts.
    private static bool Passes(object? value, JinjaArguments arguments, int index, int line, JinjaBudget budget)
    {
        budget.Step(line);
        if (index >= arguments.Positional.Count)
            return JinjaOperations.IsTrue(value);
        string test = arguments.Positional[index] as string ?? throw JinjaError.At(line, "the name of a test is missing");
        return JinjaTests.Holds(test, value, [.. arguments.Positional.Skip(index + 1)], line);
    }

    private static string Indent(string text, JinjaArguments arguments, int line, JinjaBudget budget)
    {
        object? width = arguments.TryGet(0, "width", out object? given) ? given : 4L;
        long blanks = width is long number ? Math.Clamp(number, 0, 1000) : 0;
        string prefix = width as string ?? new string(' ', (int)blanks);
        bool first = arguments.TryGet(1, "first", out object? flag) && JinjaOperations.IsTrue(flag);
        budget.Work(line, text.Length + (1L + text.AsSpan().Count('\n')) * prefix.Length);
        return JinjaText.Indent(text, prefix, first);
    }

    private static object? Default(object? value, JinjaArguments arguments)
    {
        bool alsoFalse = arguments.TryGet(1, "boolean", out object? flag) && JinjaOperations.IsTrue(flag);
        bool isMissing = value is JinjaUndefined || (alsoFalse && !JinjaOperations.IsTrue(value));
        return !isMissing ? value : arguments.TryGet(0, "default_value", out object? other) ? other : "";
    }

    private static object? ToInteger(object? value, JinjaArguments arguments)
    {
        if (value is string text && long.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long parsed))
            return parsed;
        double? number = value is string digits && double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double real)
            ? real
            : JinjaOperations.AsNumber(value);
        return number is { } finite && Math.Abs(finite) < long.MaxValue ? (long)finite
            : arguments.TryGet(0, "default", out object? other) ? other : 0L;
    }

    private static object ToFloat(object? value) =>
        value is string text && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double parsed)
            ? parsed
            : JinjaOperations.AsNumber(value) ?? 0.0;

    private static string ToJson(object? value, JinjaArguments arguments, int line, JinjaBudget budget)
    {
        int? indent = arguments.TryGet(0, "indent", out object? given) && given is long blanks and >= 0 and <= 64 ? (int)blanks : null;
        string json = JinjaJson.Write(value, indent, line);
        budget.Work(line, json.Length);
        return json;
    }
}
