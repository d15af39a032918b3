namespace MoA.Engine.Tokenization.Jinja;

/// <summary>What values mean: truth, equality, order, members; as in Python.</summary>
internal static class JinjaOperations
{
    private const int MaximumDepth = 100;
    private const int MaximumComparisons = 1_000_000;

    public static bool IsTrue(object? value) => value switch
    {
        null or JinjaUndefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        TracedText text => text.Length > 0,
        JinjaList list => list.Count > 0,
        JinjaMap map => map.Count > 0,
        _ => true,
    };

    public static bool AreEqual(object? left, object? right, int line, JinjaBudget budget)
    {
        int comparisons = 0;
        bool equal = AreEqual(left, right, 0, ref comparisons);
        budget.Steps(line, comparisons);
        return equal;
    }

    /// <summary>Whether two keys of a dictionary, which are never large, are equal.</summary>
    public static bool AreEqualKeys(object? left, object? right)
    {
        int comparisons = 0;
        return AreEqual(left, right, 0, ref comparisons);
    }

    /// <summary>Less than zero, zero or more: the order of two values; null where numbers have none (NaN).</summary>
    public static int? Compare(object? left, object? right, int line, JinjaBudget budget) => Compare(left, right, line, 0, budget);

    public static double? AsNumber(object? value) => value switch
    {
        long number => number,
        double number => number,
        bool flag => flag ? 1 : 0,
        _ => null,
    };

    public static bool IsIterable(object? value) =>
        value is TracedText or JinjaList or JinjaMap or JinjaGenerator or JinjaUndefined;

    /// <summary>The items that a loop over a value sees, one by one where they are made so.</summary>
    public static IEnumerable<object?> Items(object? value, int line) => value switch
    {
        JinjaList list => list.Items,
        JinjaMap map => map.Keys,
        TracedText text => text.Characters(),
        JinjaGenerator generator => generator.Rest(),
        JinjaUndefined => [],
        _ => throw JinjaError.At(line, $"cannot loop over {KindOf(value)}"),
    };

    /// <summary>The items of a value as a list of one's own.</summary>
    public static List<object?> Collect(object? value, int line, JinjaBudget budget)
    {
        var items = new List<object?>();
        foreach (object? item in Items(value, line))
        {
            budget.Step(line);
            items.Add(item);
        }

        return items;
    }

    /// <summary>What Python's <c>len</c> gives: code points, items or entries.</summary>
    public static long Length(object? value, int line) => value switch
    {
        TracedText text => text.CodePoints,
        JinjaList list => list.Count,
        JinjaMap map => map.Count,
        JinjaUndefined => 0,
        _ => throw JinjaError.At(line, $"{KindOf(value)} has no length"),
    };

    public static bool Contains(object? container, object? item, int line, JinjaBudget budget)
    {
        switch (container)
        {
            case TracedText text:
                budget.Work(line, text.Length);
                return item is TracedText part
                    ? text.Text.Contains(part.Text, StringComparison.Ordinal)
                    : throw JinjaError.At(line, $"cannot look for {KindOf(item)} in a text");
            case JinjaMap map:
                return JinjaMap.IsKey(item) ? map.TryGet(item, out _) : throw JinjaError.At(line, $"{KindOf(item)} is no key");
            case JinjaList or JinjaGenerator or JinjaUndefined:
                foreach (object? candidate in Items(container, line))
                {
                    budget.Step(line);
                    if (AreEqual(candidate, item, line, budget))
                        return true;
                }

                return false;
            default:
                throw JinjaError.At(line, $"cannot look for something in {KindOf(container)}");
        }
    }

    public static string KindOf(object? value) => value switch
    {
        null => "none",
        JinjaUndefined undefined => $"'{undefined.Name}', which is undefined,",
        bool => "a boolean",
        long or double => "a number",
        JinjaLongNumber => "a number beyond 64 bits",
        TracedText => "a text",
        JinjaList { IsTuple: true } => "a tuple",
        JinjaList { Kind: JinjaListKind.Range } => "a range",
        JinjaList { HasPlaces: true } => "a list",
        JinjaList => "a view of a dictionary",
        JinjaMap => "a dictionary",
        JinjaGenerator => "a generator",
        JinjaNamespace => "a namespace",
        JinjaLoop => "a loop",
        _ => "a function",
    };

    private static bool AreEqual(object? left, object? right, int depth, ref int comparisons)
    {
        if (ReferenceEquals(left, right))
            return true;
        if (depth > MaximumDepth || ++comparisons > MaximumComparisons)
            throw new InvalidInputException("chat template: values too large to be compared");
        if (left is long or bool && right is long or bool)
            return Whole(left) == Whole(right);
        if (AsNumber(left) is { } x && AsNumber(right) is { } y)
            return x == y;
        switch (left, right)
        {
            case (JinjaUndefined, JinjaUndefined):
                return true;
            case (TracedText a, TracedText b):
                return a.Text == b.Text;
            case (JinjaList a, JinjaList b):
                if (a.Count != b.Count || Family(a) != Family(b))
                    return false;
                for (int i = 0; i < a.Count; i++)
                {
                    if (!AreEqual(a.Items[i], b.Items[i], depth + 1, ref comparisons))
                        return false;
                }

                return true;
            case (JinjaMap a, JinjaMap b):
                if (a.Count != b.Count)
                    return false;
                foreach ((object? key, object? value) in a.Entries)
                {
                    if (!b.TryGet(key, out object? other) || !AreEqual(value, other, depth + 1, ref comparisons))
                        return false;
                }

                return true;
            default:
                return false;
        }
    }

    private static JinjaListKind Family(JinjaList list) => list.IsTuple ? JinjaListKind.Tuple : list.Kind;

    private static int? Compare(object? left, object? right, int line, int depth, JinjaBudget budget)
    {
        if (left is long or bool && right is long or bool)
            return Whole(left).CompareTo(Whole(right));
        if (AsNumber(left) is { } x && AsNumber(right) is { } y)
            return double.IsNaN(x) || double.IsNaN(y) ? null : x.CompareTo(y);
        if (left is TracedText a && right is TracedText b)
            return Compare(a, b);
        if (left is JinjaList p && right is JinjaList q && depth < MaximumDepth && Family(p) == Family(q) && p.Kind < JinjaListKind.Range)
        {
            for (int i = 0; i < Math.Min(p.Count, q.Count); i++)
            {
                budget.Step(line);
                if (!AreEqual(p.Items[i], q.Items[i], line, budget))
                    return Compare(p.Items[i], q.Items[i], line, depth + 1, budget);
            }

            return p.Count.CompareTo(q.Count);
        }

        throw JinjaError.At(line, $"{KindOf(left)} and {KindOf(right)} have no order");
    }

    // By code points: a pair counts as more than any character that takes one place.
    private static int Compare(TracedText left, TracedText right)
    {
        if (!left.HasPairs && !right.HasPairs)
            return string.CompareOrdinal(left.Text, right.Text);
        int at = left.Text.AsSpan().CommonPrefixLength(right.Text);
        if (at == left.Length || at == right.Length)
            return left.Length.CompareTo(right.Length);
        (char x, char y) = (left.Text[at], right.Text[at]);
        return char.IsSurrogate(x) != char.IsSurrogate(y) ? (char.IsSurrogate(x) ? 1 : -1) : x.CompareTo(y);
    }

    private static long Whole(object? value) => value is long number ? number : value is true ? 1 : 0;
}
