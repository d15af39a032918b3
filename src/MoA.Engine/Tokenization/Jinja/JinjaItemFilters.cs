using System.Globalization;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The filters on items: lists, dictionaries, and what is made one by one.</summary>
internal static class JinjaItemFilters
{
    private const int DeepestGenerator = 100;

    public static object List(object? value, JinjaArguments arguments)
    {
        arguments.Bind("list");
        return JinjaList.Of(Collect(value, arguments));
    }

    public static object? First(object? value, JinjaArguments arguments)
    {
        arguments.Bind("first");
        foreach (object? item in JinjaOperations.Items(value, arguments.Line))
            return item;
        return new JinjaUndefined("the first of no items");
    }

    public static object? Last(object? value, JinjaArguments arguments)
    {
        arguments.Bind("last");
        if (value is JinjaGenerator)
            throw arguments.Fail("last: a generator has no last item; make it a list first");
        List<object?> items = Collect(value, arguments);
        return items.Count > 0 ? items[^1] : new JinjaUndefined("the last of no items");
    }

    public static object? Reverse(object? value, JinjaArguments arguments)
    {
        arguments.Bind("reverse");
        if (value is TracedText text)
            return JinjaSlice.Of(text, null, null, -1, arguments.Line, arguments.Budget);
        List<object?> items = Collect(value, arguments);
        items.Reverse();
        return value is JinjaGenerator ? JinjaList.Of(items) : new JinjaGenerator(items);
    }

    public static TracedText Join(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("join", ("d", TracedText.Empty), ("attribute", null));
        IEnumerable<object?> items = JinjaOperations.Items(value, arguments.Line);
        if (bound[1] is not null)
            items = items.Select(Getter(bound[1], arguments));
        return JinjaText.Join(
            items.Select(item => JinjaPrinter.Print(item, arguments.Line, arguments.Budget)),
            JinjaPrinter.Print(bound[0], arguments.Line, arguments.Budget), arguments.Line, arguments.Budget);
    }

    public static object Map(object? value, JinjaArguments arguments)
    {
        if (arguments.Positional.Count == 0 && arguments.Named.ContainsKey("attribute"))
        {
            object?[] bound = arguments.Bind("map", ("attribute", null), ("default", null));
            return Lazy(value, arguments, items => items.Select(Getter(bound[0], arguments, bound[1])));
        }

        if (arguments.Positional.Count == 0)
            throw arguments.Fail("map: the name of a filter or an attribute is missing");
        string filter = arguments.Text(arguments.Positional[0], "map").Text;
        JinjaArguments rest = arguments.Skip(1);
        return Lazy(value, arguments, items => items.Select(item => JinjaFilters.Apply(filter, item, rest)));
    }

    public static object Select(object? value, JinjaArguments arguments, bool keeps) =>
        Lazy(value, arguments, items => items.Where(item => Passes(item, arguments) == keeps));

    public static object SelectByAttribute(object? value, JinjaArguments arguments, bool keeps)
    {
        if (arguments.Positional.Count == 0)
            throw arguments.Fail("the name of an attribute is missing");
        Func<object?, object?> get = Getter(arguments.Positional[0], arguments);
        JinjaArguments test = arguments.Skip(1);
        return Lazy(value, arguments, items => items.Where(item => Passes(get(item), test) == keeps));
    }

    public static object Entries(object? value, JinjaArguments arguments)
    {
        arguments.Bind("items");
        return value switch
        {
            JinjaUndefined => new JinjaGenerator([]),
            JinjaMap map => new JinjaGenerator(JinjaAttributes.Pairs(map)),
            _ => throw arguments.Fail($"items: expected a dictionary, found {JinjaOperations.KindOf(value)}"),
        };
    }

    public static object Sort(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("sort", ("reverse", false), ("case_sensitive", false), ("attribute", null));
        bool sensitive = JinjaOperations.IsTrue(bound[1]);
        List<Func<object?, object?>> getters = bound[2] is TracedText several
            ? [.. several.Text.Split(',').Select(part => Getter(new TracedText(part), arguments))]
            : [Getter(bound[2], arguments)];
        List<object?> sorted = Sorted(
            Collect(value, arguments),
            item => getters.Count == 1
                ? Fold(getters[0](item), sensitive)
                : JinjaList.Tuple(getters.Select(get => Fold(get(item), sensitive))),
            JinjaOperations.IsTrue(bound[0]), arguments);
        return JinjaList.Of(sorted);
    }

    public static object SortMap(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind(
            "dictsort", ("case_sensitive", false), ("by", new TracedText("key")), ("reverse", false));
        JinjaMap map = value as JinjaMap ?? throw arguments.Fail($"dictsort: expected a dictionary, found {JinjaOperations.KindOf(value)}");
        bool sensitive = JinjaOperations.IsTrue(bound[0]);
        int place = arguments.Text(bound[1], "dictsort").Text switch
        {
            "key" => 0,
            "value" => 1,
            _ => throw arguments.Fail("dictsort: sorts by 'key' or 'value'"),
        };
        List<JinjaList> sorted = Sorted(
            [.. JinjaAttributes.Pairs(map)], pair => Fold(pair.Items[place], sensitive), JinjaOperations.IsTrue(bound[2]), arguments);
        return JinjaList.Of(sorted);
    }

    public static object Unique(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("unique", ("case_sensitive", false), ("attribute", null));
        Func<object?, object?> get = Getter(bound[1], arguments);
        var seen = new HashSet<JinjaKey>();
        return Lazy(value, arguments, items => items.Where(item =>
        {
            object? key = Fold(get(item), JinjaOperations.IsTrue(bound[0]));
            if (!JinjaMap.IsKey(key))
                throw arguments.Fail($"unique: {JinjaOperations.KindOf(key)} cannot be a key");
            return seen.Add(new JinjaKey(key));
        }));
    }

    public static object? Extreme(object? value, JinjaArguments arguments, string name, int sign)
    {
        object?[] bound = arguments.Bind(name, ("case_sensitive", false), ("attribute", null));
        Func<object?, object?> get = Getter(bound[1], arguments);
        object? best = new JinjaUndefined($"{name} of no items");
        object? bestKey = null;
        bool any = false;
        foreach (object? item in Collect(value, arguments))
        {
            object? key = Fold(get(item), JinjaOperations.IsTrue(bound[0]));
            if (any && !(JinjaOperations.Compare(key, bestKey, arguments.Line, arguments.Budget) * sign > 0))
                continue;
            (best, bestKey, any) = (item, key, true);
        }

        return best;
    }

    public static object Sum(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("sum", ("attribute", null), ("start", 0L));
        Func<object?, object?> get = Getter(bound[0], arguments);
        object? sum = bound[1];
        if (sum is TracedText)
            throw arguments.Fail("sum: texts are put together with join");
        foreach (object? item in Collect(value, arguments))
            sum = JinjaArithmetic.Apply("+", sum, get(item), arguments.Line, arguments.Budget);
        return sum!;
    }

    public static object Batch(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("batch", ("linecount", JinjaArguments.Required), ("fill_with", null));
        long count = Math.Clamp(arguments.Integer(bound[0], "batch"), int.MinValue, int.MaxValue);
        return Lazy(value, arguments, items => Batches(items));

        IEnumerable<object?> Batches(IEnumerable<object?> items)
        {
            var batch = new List<object?>();
            foreach (object? item in items)
            {
                if (batch.Count == count)
                {
                    yield return JinjaList.Of(batch);
                    batch = [];
                }

                batch.Add(item);
            }

            if (batch.Count == 0)
                yield break;
            if (bound[1] is not null && batch.Count < count)
            {
                arguments.Budget.Work(arguments.Line, 32 * count);
                batch.AddRange(Enumerable.Repeat(bound[1], (int)count - batch.Count));
            }

            yield return JinjaList.Of(batch);
        }
    }

    public static object Slice(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("slice", ("slices", JinjaArguments.Required), ("fill_with", null));
        int slices = (int)Math.Clamp(arguments.Integer(bound[0], "slice"), int.MinValue, int.MaxValue);
        if (slices == 0)
            throw arguments.Fail("slice: a division by zero");
        arguments.Budget.Work(arguments.Line, 32L * Math.Max(0, slices));
        List<object?> items = Collect(value, arguments);
        return new JinjaGenerator(Enumerable.Range(0, Math.Max(0, slices)).Select(i =>
        {
            (int size, int longer) = Math.DivRem(items.Count, slices);
            List<object?> slice = items.GetRange(i * size + Math.Min(i, longer), size + (i < longer ? 1 : 0));
            if (bound[1] is not null && i >= longer)
                slice.Add(bound[1]);
            return JinjaList.Of(slice);
        }));
    }

    public static object GroupBy(object? value, JinjaArguments arguments)
    {
        object?[] bound = arguments.Bind("groupby", ("attribute", JinjaArguments.Required), ("default", null), ("case_sensitive", false));
        Func<object?, object?> get = Getter(bound[0], arguments, bound[1]);
        bool sensitive = JinjaOperations.IsTrue(bound[2]);
        var groups = new List<object?>();
        object? last = null;
        foreach (object? item in Sorted(Collect(value, arguments), item => Fold(get(item), sensitive), reverse: false, arguments))
        {
            object? key = Fold(get(item), sensitive);
            if (groups.Count == 0 || !JinjaOperations.AreEqual(key, last, arguments.Line, arguments.Budget))
                groups.Add(new JinjaList(JinjaListKind.Group, [get(item), JinjaList.Of([])]));
            ((JinjaList)((JinjaList)groups[^1]!).Items[1]!).Items.Add(item);
            last = key;
        }

        return JinjaList.Of(groups);
    }

    /// <summary>Items in the order of their keys, those with equal keys as they were.</summary>
    public static List<T> Sorted<T>(List<T> items, Func<T, object?> key, bool reverse, JinjaArguments arguments)
    {
        var comparer = Comparer<object?>.Create((x, y) =>
        {
            arguments.Budget.Step(arguments.Line);
            return JinjaOperations.Compare(x, y, arguments.Line, arguments.Budget)
                ?? (JinjaOperations.AsNumber(x) is { } a && JinjaOperations.AsNumber(y) is { } b ? a.CompareTo(b) : 0);
        });
        try
        {
            return [.. reverse ? items.OrderByDescending(key, comparer) : items.OrderBy(key, comparer)];
        }
        catch (InvalidOperationException e) when (e.InnerException is InvalidInputException inner)
        {
            throw inner; // thrown within the order of two items
        }
    }

    private static JinjaGenerator Lazy(object? value, JinjaArguments arguments, Func<IEnumerable<object?>, IEnumerable<object?>> make)
    {
        int depth = value is JinjaGenerator source ? source.Depth + 1 : 1;
        if (depth > DeepestGenerator)
            throw arguments.Fail($"more than {DeepestGenerator} filters on one another's items; make a list of them in between");
        IEnumerable<object?> items = JinjaOperations.Items(value, arguments.Line).Select(item =>
        {
            arguments.Budget.Step(arguments.Line);
            return item;
        });
        return new JinjaGenerator(make(items), depth);
    }

    private static List<object?> Collect(object? value, JinjaArguments arguments) =>
        JinjaOperations.Collect(value, arguments.Line, arguments.Budget);

    private static object? Fold(object? value, bool sensitive) =>
        !sensitive && value is TracedText text ? JinjaCharacters.Lower(text) : value;

    // Reads an attribute by its path: names and whole numbers with dots between.
    private static Func<object?, object?> Getter(object? attribute, JinjaArguments arguments, object? missing = null)
    {
        List<object?> path = attribute switch
        {
            null => [],
            TracedText text => [.. text.Text.Split('.').Select(part =>
                long.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out long place) ? (object?)place : new TracedText(part))],
            _ => [attribute],
        };
        return item =>
        {
            foreach (object? part in path)
            {
                item = JinjaAttributes.Item(item, part, arguments.Line, arguments.Budget);
                if (missing is not null && item is JinjaUndefined)
                    item = missing;
            }

            return item;
        };
    }

    // The first argument names a test, the rest are its arguments; without them the truth of the value counts.
    private static bool Passes(object? value, JinjaArguments arguments) => arguments.Positional.Count == 0
        ? JinjaOperations.IsTrue(value)
        : JinjaTests.Holds(arguments.Text(arguments.Positional[0], "the name of a test").Text, value, arguments.Skip(1));
}
