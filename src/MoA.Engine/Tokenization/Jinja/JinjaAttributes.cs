namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Attributes and items of values: those of Python's types, as the sandbox of Jinja lets templates see them.</summary>
internal static class JinjaAttributes
{
    public static readonly object Missing = new();

    /// <summary><c>target.name</c>: an attribute, else an entry; undefined where there is neither.</summary>
    public static object? Attribute(object? target, string name, int line, JinjaBudget budget)
    {
        if (target is JinjaUndefined)
            throw JinjaError.At(line, $"cannot read '{name}' of {JinjaOperations.KindOf(target)}");
        object? own = OwnAttribute(target, name, line, budget);
        if (own != Missing)
            return own;
        return target is JinjaMap map && map.TryGet(new TracedText(name), out object? entry) ? entry : new JinjaUndefined(name);
    }

    /// <summary><c>target[index]</c>: an item or entry, else an attribute; undefined where there is neither.</summary>
    public static object? Item(object? target, object? index, int line, JinjaBudget budget)
    {
        switch (target, index)
        {
            case (JinjaUndefined, _):
                throw JinjaError.At(line, $"cannot take an item of {JinjaOperations.KindOf(target)}");
            case (JinjaMap map, _) when JinjaMap.IsKey(index) && map.TryGet(index, out object? entry):
                return entry;
            case (JinjaList { HasPlaces: true } list, long or bool):
                return JinjaSlice.Place(Whole(index), list.Count) is int place ? list.Items[place] : new JinjaUndefined($"item {Whole(index)}");
            case (TracedText text, long or bool):
                budget.Work(line, text.HasPairs ? text.Length : 1);
                if (JinjaSlice.Place(Whole(index), text.CodePoints) is not int character)
                    return new JinjaUndefined($"character {Whole(index)}");
                int start = text.PositionOf(character);
                return text.Slice(start, start + text.WidthAt(start));
            case (_, TracedText name):
                object? own = OwnAttribute(target, name.Text, line, budget);
                return own != Missing ? own : new JinjaUndefined(name.Text);
            default:
                return new JinjaUndefined($"item {(index is long number ? number : JinjaOperations.KindOf(index))}");
        }
    }

    /// <summary>An attribute alone, without entries; <see cref="Missing"/> where there is none.</summary>
    public static object? OwnAttribute(object? target, string name, int line, JinjaBudget budget) => target switch
    {
        TracedText text => JinjaTextMethods.Find(text, name) ?? Missing,
        JinjaNamespace space => space.Attributes.TryGet(new TracedText(name), out object? value) ? value : Missing,
        JinjaMap map => OfMap(map, name),
        JinjaList list => OfList(list, name),
        JinjaLoop loop => loop.Attribute(name),
        JinjaFunction { Attributes: { } attributes } => attributes(name),
        long or double or bool when name is "real" or "imag" or "numerator" or "denominator" or "is_integer" or "bit_length" or "hex" =>
            new JinjaFunction(name, arguments => throw arguments.Fail($"the attribute '{name}' of a number is not supported")),
        _ => Missing,
    };

    /// <summary>The entries of a dictionary as pairs.</summary>
    public static IEnumerable<JinjaList> Pairs(JinjaMap map) => map.Entries.Select(entry => JinjaList.Tuple(entry.Key, entry.Value));

    private static object? OfMap(JinjaMap map, string name) => name switch
    {
        "get" => new JinjaFunction(name, arguments =>
        {
            object?[] bound = arguments.Bind(name, ("key", JinjaArguments.Required), ("default", null));
            if (!JinjaMap.IsKey(bound[0]))
                throw arguments.Fail($"{JinjaOperations.KindOf(bound[0])} cannot be a key");
            return map.TryGet(bound[0], out object? value) ? value : bound[1];
        }),
        "items" => View(name, JinjaListKind.Items, Pairs(map)),
        "keys" => View(name, JinjaListKind.Keys, map.Keys),
        "values" => View(name, JinjaListKind.Values, map.Values),
        "copy" => new JinjaFunction(name, arguments => arguments.Bind(name) is [] ? map : null),
        "fromkeys" => new JinjaFunction(name, arguments => throw arguments.Fail("the method 'fromkeys' is not supported")),
        "clear" or "pop" or "popitem" or "setdefault" or "update" => new JinjaUndefined(name), // the sandbox lets nothing be changed
        _ => Missing,
    };

    private static JinjaFunction View(string name, JinjaListKind kind, IEnumerable<object?> items) => new(name, arguments =>
    {
        arguments.Bind(name);
        var view = new JinjaList(kind, [.. items]);
        arguments.Budget.Steps(arguments.Line, view.Count);
        return view;
    });

    private static object? OfList(JinjaList list, string name) => name switch
    {
        "grouper" when list.Kind == JinjaListKind.Group => list.Items[0],
        "list" when list.Kind == JinjaListKind.Group => list.Items[1],
        "count" when list.HasPlaces => new JinjaFunction(name, arguments =>
        {
            object? item = arguments.Bind(name, ("value", JinjaArguments.Required))[0];
            arguments.Budget.Steps(arguments.Line, list.Count);
            return (long)list.Items.Count(candidate => JinjaOperations.AreEqual(candidate, item, arguments.Line, arguments.Budget));
        }),
        "index" when list.HasPlaces => new JinjaFunction(name, arguments => IndexOf(list, arguments)),
        "copy" when list.Kind == JinjaListKind.List => new JinjaFunction(name, arguments => arguments.Bind(name) is [] ? list : null),
        _ => Missing,
    };

    private static long IndexOf(JinjaList list, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("index", ("value", JinjaArguments.Required), ("start", 0L), ("stop", (long)list.Count));
        arguments.Budget.Steps(arguments.Line, list.Count);
        long start = Clamp(bound[1]);
        long stop = Clamp(bound[2]);
        for (long i = start; i < stop; i++)
        {
            if (JinjaOperations.AreEqual(list.Items[(int)i], bound[0], arguments.Line, arguments.Budget))
                return i;
        }

        throw arguments.Fail("index: the item is not in the list");

        long Clamp(object? bound)
        {
            long at = arguments.Integer(bound, "index");
            return Math.Clamp(at < 0 ? at + list.Count : at, 0, list.Count);
        }
    }

    private static long Whole(object? value) => value is long number ? number : value is true ? 1 : 0;
}
