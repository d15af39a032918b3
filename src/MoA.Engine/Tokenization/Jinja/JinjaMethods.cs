namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Attributes and methods of values: those of Python's str and dict that templates use.</summary>
internal static class JinjaMethods
{
    /// <summary>The attribute of a value; undefined where it has none of that name.</summary>
    public static object? Attribute(object? target, string name, int line, JinjaBudget budget) => target switch
    {
        JinjaUndefined => throw JinjaError.At(line, $"cannot read '{name}' of {JinjaOperations.KindOf(target)}"),
        JinjaNamespace space => space.Attributes.TryGetValue(name, out object? value) ? value : new JinjaUndefined(name),
        JinjaMap map => OfMap(map, name) ?? (map.TryGetValue(name, out object? entry) ? entry : new JinjaUndefined(name)),
        string text => OfText(text, name, line, budget) ?? (object)new JinjaUndefined(name),
        _ => new JinjaUndefined(name),
    };

    // A method hides an entry of the same name, as the dot does in Jinja.
    private static JinjaFunction? OfMap(JinjaMap map, string name) => name switch
    {
        "get" => arguments => arguments.TryGet(0, "key", out object? key) && key is string text
            && map.TryGetValue(text, out object? value) ? value : arguments.TryGet(1, "default", out object? missing) ? missing : null,
        "items" => _ => Entries(map),
        "keys" => _ => new List<object?>(map.Keys),
        "values" => _ => new List<object?>(map.Values),
        _ => null,
    };

    /// <summary>The entries of a dictionary as pairs.</summary>
    public static List<object?> Entries(JinjaMap map) =>
        [.. map.Select(entry => new List<object?> { entry.Key, entry.Value })];

    private static JinjaFunction? OfText(string text, string name, int line, JinjaBudget budget)
    {
        JinjaFunction? method = name switch
        {
            "strip" => a => JinjaText.Strip(text, Text(a, 0), left: true, right: true),
            "lstrip" => a => JinjaText.Strip(text, Text(a, 0), left: true, right: false),
            "rstrip" => a => JinjaText.Strip(text, Text(a, 0), left: false, right: true),
            "upper" => _ => text.ToUpperInvariant(),
            "lower" => _ => text.ToLowerInvariant(),
            "title" => _ => JinjaText.Title(text),
            "capitalize" => _ => JinjaText.Capitalize(text),
            "startswith" => a => Affixes(a).Any(affix => text.StartsWith(affix, StringComparison.Ordinal)),
            "endswith" => a => Affixes(a).Any(affix => text.EndsWith(affix, StringComparison.Ordinal)),
            "split" => a => JinjaText.Split(text, Separator(a), Count(a, 1, "maxsplit")),
            "rsplit" => a => JinjaText.SplitFromRight(text, Separator(a) ?? Missing(), Count(a, 1, "maxsplit")),
            "replace" => a => JinjaFilters.Replace(text, Text(a, 0) ?? Missing(), Text(a, 1) ?? Missing(), Count(a, 2, "count"), line, budget),
            "find" => a => Find(text, Text(a, 0) ?? Missing()),
            "count" => a => (long)(text.Split(Text(a, 0) ?? Missing()).Length - 1),
            "isdigit" => _ => text.Length > 0 && text.All(char.IsDigit),
            "join" => a => JinjaFilters.Join(JinjaOperations.Items(a.First, line), text, line, budget),
            _ => null,
        };
        return method is null ? null : arguments =>
        {
            budget.Work(line, text.Length);
            return method(arguments);
        };

        string Missing() => throw JinjaError.At(line, $"{name}: a text is missing as argument");

        string? Text(JinjaArguments arguments, int index) =>
            index >= arguments.Positional.Count || arguments.Positional[index] is null ? null
            : arguments.Positional[index] as string ?? Missing();

        string? Separator(JinjaArguments arguments)
        {
            string? separator = arguments.TryGet(0, "sep", out object? value) && value is not null ? value as string ?? Missing() : null;
            return separator is { Length: 0 } ? throw JinjaError.At(line, $"{name}: the separator is empty") : separator;
        }

        long Count(JinjaArguments arguments, int index, string argument) =>
            arguments.TryGet(index, argument, out object? value) && value is long count ? count : -1;

        IEnumerable<string> Affixes(JinjaArguments arguments) => arguments.First switch
        {
            string affix => [affix],
            List<object?> affixes => affixes.Select(affix => affix as string ?? Missing()),
            _ => [Missing()],
        };
    }

    // In code points, as Python counts.
    private static long Find(string text, string part)
    {
        int at = text.IndexOf(part, StringComparison.Ordinal);
        return at < 0 ? -1 : JinjaOperations.Length(text[..at], 0);
    }
}
