namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The filters, <c>value | name(arguments)</c>.</summary>
internal static class JinjaFilters
{
    private static readonly Dictionary<string, Func<object?, JinjaArguments, object?>> Filters = new()
    {
        ["abs"] = JinjaNumbers.Abs,
        ["attr"] = Attribute,
        ["batch"] = JinjaItemFilters.Batch,
        ["capitalize"] = JinjaTextFilters.Simple("capitalize", JinjaCharacters.Capitalize),
        ["center"] = JinjaTextFilters.Center,
        ["count"] = (value, arguments) => Length(value, arguments),
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = JinjaItemFilters.SortMap,
        ["e"] = JinjaTextFilters.Escape,
        ["escape"] = JinjaTextFilters.Escape,
        ["filesizeformat"] = JinjaNumbers.FileSize,
        ["first"] = JinjaItemFilters.First,
        ["float"] = JinjaNumbers.Float,
        ["forceescape"] = JinjaTextFilters.ForceEscape,
        ["format"] = JinjaTextFilters.Format,
        ["groupby"] = JinjaItemFilters.GroupBy,
        ["indent"] = JinjaTextFilters.Indent,
        ["int"] = JinjaNumbers.Int,
        ["items"] = JinjaItemFilters.Entries,
        ["join"] = JinjaItemFilters.Join,
        ["last"] = JinjaItemFilters.Last,
        ["length"] = (value, arguments) => Length(value, arguments),
        ["list"] = JinjaItemFilters.List,
        ["lower"] = JinjaTextFilters.Simple("lower", JinjaCharacters.Lower),
        ["map"] = JinjaItemFilters.Map,
        ["max"] = (value, arguments) => JinjaItemFilters.Extreme(value, arguments, "max", sign: 1),
        ["min"] = (value, arguments) => JinjaItemFilters.Extreme(value, arguments, "min", sign: -1),
        ["reject"] = (value, arguments) => JinjaItemFilters.Select(value, arguments, keeps: false),
        ["rejectattr"] = (value, arguments) => JinjaItemFilters.SelectByAttribute(value, arguments, keeps: false),
        ["replace"] = JinjaTextFilters.Replace,
        ["reverse"] = JinjaItemFilters.Reverse,
        ["round"] = JinjaNumbers.Round,
        ["safe"] = JinjaTextFilters.Safe,
        ["select"] = (value, arguments) => JinjaItemFilters.Select(value, arguments, keeps: true),
        ["selectattr"] = (value, arguments) => JinjaItemFilters.SelectByAttribute(value, arguments, keeps: true),
        ["slice"] = JinjaItemFilters.Slice,
        ["sort"] = JinjaItemFilters.Sort,
        ["string"] = (value, arguments) => JinjaPrinter.Print(value, arguments.Line, arguments.Budget),
        ["sum"] = JinjaItemFilters.Sum,
        ["title"] = JinjaTextFilters.Simple("title", JinjaTextFilters.Title),
        ["tojson"] = JinjaJson.Write,
        ["trim"] = JinjaTextFilters.Trim,
        ["truncate"] = JinjaTextFilters.Truncate,
        ["unique"] = JinjaItemFilters.Unique,
        ["upper"] = JinjaTextFilters.Simple("upper", JinjaCharacters.Upper),
        ["urlencode"] = JinjaTextFilters.UrlEncode,
        ["wordcount"] = JinjaTextFilters.WordCount,
        ["wordwrap"] = JinjaWordWrap.Apply,
    };

    public static bool Exists(string name) => Filters.ContainsKey(name);

    public static object? Apply(string name, object? value, JinjaArguments arguments)
    {
        if (!Filters.TryGetValue(name, out Func<object?, JinjaArguments, object?>? filter))
            throw arguments.Fail($"the filter '{name}' is not supported");
        if (value is TracedText text)
            arguments.Budget.Work(arguments.Line, text.Length);
        return filter(value, arguments);
    }

    private static object? Attribute(object? value, JinjaArguments arguments)
    {
        string name = arguments.Text(arguments.Bind("attr", ("name", JinjaArguments.Required))[0], "attr").Text;
        object? attribute = JinjaAttributes.OwnAttribute(value, name, arguments.Line, arguments.Budget);
        return attribute != JinjaAttributes.Missing ? attribute : new JinjaUndefined(name);
    }

    private static long Length(object? value, JinjaArguments arguments)
    {
        arguments.Bind("length");
        return JinjaOperations.Length(value, arguments.Line);
    }

    private static object? Default(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("default", ("default_value", TracedText.Empty), ("boolean", false));
        bool isMissing = value is JinjaUndefined || (JinjaOperations.IsTrue(bound[1]) && !JinjaOperations.IsTrue(value));
        return isMissing ? bound[0] : value;
    }
}
