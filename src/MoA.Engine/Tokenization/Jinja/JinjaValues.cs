namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The value of a name, attribute or item that is not there; prints as nothing.</summary>
internal sealed record JinjaUndefined(string Name);

/// <summary>A dictionary with text keys, in the order in which they were written.</summary>
internal sealed class JinjaMap : OrderedDictionary<string, object?>;

/// <summary>What <c>namespace()</c> makes: an object whose attributes can be set from within loops.</summary>
internal sealed class JinjaNamespace
{
    public Dictionary<string, object?> Attributes { get; } = [];
}

/// <summary>Evaluated arguments.</summary>
internal sealed record JinjaArguments(IReadOnlyList<object?> Positional, IReadOnlyDictionary<string, object?> Named)
{
    /// <summary>The first argument by position; null where there is none.</summary>
    public object? First => Positional.Count > 0 ? Positional[0] : null;

    /// <summary>An argument by its place or its name; undefined where neither is given.</summary>
    public bool TryGet(int index, string name, out object? value)
    {
        value = index < Positional.Count ? Positional[index] : null;
        return index < Positional.Count || Named.TryGetValue(name, out value);
    }
}

/// <summary>Something that can be called: a macro, a method of a value, a function.</summary>
internal delegate object? JinjaFunction(JinjaArguments arguments);
