using System.Diagnostics.CodeAnalysis;

namespace MoA.Engine.Tokenization.Jinja;

// A value is null (none), bool, long, double, TracedText, JinjaList, JinjaMap, or one of the kinds below.

/// <summary>The value of a name, attribute or item that is not there; prints as nothing.</summary>
internal sealed record JinjaUndefined(string Name);

/// <summary>A whole number of JSON beyond 64 bits; it is written as it is, and nothing is reckoned with it.</summary>
internal sealed record JinjaLongNumber(string Digits);

/// <summary>A text that 'safe' or 'escape' made: what '+' joins to it is escaped.</summary>
internal sealed class JinjaMarkup(TracedText text) : TracedText(text);

/// <summary>What a sequence is in Python.</summary>
internal enum JinjaListKind
{
    List,
    Tuple,

    /// <summary>A tuple whose parts are also called <c>grouper</c> and <c>list</c>.</summary>
    Group,
    Range,

    /// <summary>What <c>keys()</c>, <c>values()</c> and <c>items()</c> give: looped over, but not indexed.</summary>
    Keys,
    Values,
    Items,
}

/// <summary>Items in order; never changed once made.</summary>
/// <param name="Kind">What it is in Python.</param>
/// <param name="Items">The items.</param>
/// <param name="Range">The bounds and step of a range.</param>
internal sealed record JinjaList(
    JinjaListKind Kind, List<object?> Items, (long Start, long Stop, long Step) Range = default)
{
    public int Count => Items.Count;

    public bool IsTuple => Kind is JinjaListKind.Tuple or JinjaListKind.Group;

    /// <summary>Whether it has places: everything but the views of a dictionary.</summary>
    public bool HasPlaces => Kind < JinjaListKind.Keys;

    public static JinjaList Of(IEnumerable<object?> items) => new(JinjaListKind.List, [.. items]);

    public static JinjaList Tuple(params IEnumerable<object?> items) => new(JinjaListKind.Tuple, [.. items]);
}

/// <summary>What filters such as map and select give: items made one by one, which can be looped over once and are always true.</summary>
/// <param name="items">The items.</param>
/// <param name="depth">How many generators make them, one from the other.</param>
internal sealed class JinjaGenerator(IEnumerable<object?> items, int depth = 1)
{
    private readonly IEnumerator<object?> _items = items.GetEnumerator();

    public int Depth => depth;

    public bool TryTake(out object? item)
    {
        bool taken = _items.MoveNext();
        item = taken ? _items.Current : null;
        return taken;
    }

    public IEnumerable<object?> Rest()
    {
        while (TryTake(out object? item))
            yield return item;
    }
}

/// <summary>A key of a dictionary: a text, number, boolean, none or a tuple of these.</summary>
internal readonly struct JinjaKey(object? value) : IEquatable<JinjaKey>
{
    public object? Value => value;

    public bool Equals(JinjaKey other) => JinjaOperations.AreEqualKeys(value, other.Value);

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is JinjaKey other && Equals(other);

    public override int GetHashCode() => HashOf(value);

    private static int HashOf(object? value) => value switch
    {
        TracedText text => text.GetHashCode(),
        JinjaList list => list.Items.Aggregate(1, (hash, item) => HashCode.Combine(hash, item is JinjaList ? 1 : HashOf(item))),
        JinjaUndefined => 1,
        _ => JinjaOperations.AsNumber(value) is { } number ? number.GetHashCode() : value?.GetHashCode() ?? 0,
    };
}

/// <summary>A dictionary, in the order in which it was written.</summary>
internal sealed class JinjaMap
{
    private const int LargestKey = 100;

    private readonly OrderedDictionary<JinjaKey, object?> _entries = [];

    public int Count => _entries.Count;

    public IEnumerable<object?> Keys => _entries.Keys.Select(key => key.Value);

    public IEnumerable<object?> Values => _entries.Values;

    public IEnumerable<(object? Key, object? Value)> Entries => _entries.Select(entry => (entry.Key.Value, entry.Value));

    /// <summary>Sets an entry; the key is one that <see cref="IsKey"/> allows.</summary>
    public object? this[object? key]
    {
        set => _entries[new(key)] = value;
    }

    public object? this[string key]
    {
        set => _entries[new(new TracedText(key))] = value;
    }

    /// <summary>Whether a value can be a key: one that cannot change, in Python's terms.</summary>
    public static bool IsKey(object? value)
    {
        int parts = 0;
        return CountKey(value, ref parts);
    }

    public bool TryGet(object? key, out object? value) => _entries.TryGetValue(new(key), out value);

    private static bool CountKey(object? value, ref int parts)
    {
        if (++parts > LargestKey)
            throw new InvalidInputException($"chat template: a key of more than {LargestKey} parts is not supported");
        if (value is not JinjaList list)
            return value is not JinjaMap;
        if (!list.IsTuple)
            return list.Kind == JinjaListKind.Range;
        foreach (object? item in list.Items)
        {
            if (!CountKey(item, ref parts))
                return false;
        }

        return true;
    }
}

/// <summary>What <c>namespace()</c> makes: an object whose attributes can be set from within loops.</summary>
internal sealed class JinjaNamespace
{
    public JinjaMap Attributes { get; } = new();
}

/// <summary>Something that can be called: a macro, a method of a value, a function.</summary>
/// <param name="Name">Its name, for errors.</param>
/// <param name="Call">What it does.</param>
/// <param name="Attributes">Attributes, such as those of a macro or a cycler; null for none.</param>
internal sealed record JinjaFunction(
    string Name, Func<JinjaArguments, object?> Call, Func<string, object?>? Attributes = null);
