namespace MoA.Engine.Tokenization.Jinja;

/// <summary>
/// What a loop goes through, one item ahead at most, and what its body sees as <c>loop</c>.
/// </summary>
internal sealed class JinjaLoop
{
    private readonly int _depth;
    private readonly Func<object?, int, TracedText>? _recurse;
    private IEnumerator<object?> _items;
    private int _index = -1;
    private long? _length;
    private bool _hasNext;
    private bool _isPeeked;
    private object? _previous;
    private object? _current;
    private object? _next;
    private JinjaList? _changed;

    /// <param name="items">The items, made one by one.</param>
    /// <param name="length">How many there are; null where that shows at the end.</param>
    /// <param name="depth">How many loops of the same statement it is in.</param>
    /// <param name="recurse">Runs the loop on other items, one level deeper; null where it is not recursive.</param>
    public JinjaLoop(IEnumerable<object?> items, long? length, int depth, Func<object?, int, TracedText>? recurse)
    {
        _items = items.GetEnumerator();
        _length = length;
        _depth = depth;
        _recurse = recurse;
    }

    public bool TryMove(out object? item)
    {
        bool moved = Peek();
        item = _next;
        if (!moved)
            return false;
        _isPeeked = false;
        _index++;
        (_previous, _current) = (_current, item);
        return true;
    }

    public string Print() => $"<LoopContext {_index + 1}/{Length()}>";

    /// <summary>Calls the loop: the text of its body for other items.</summary>
    public object? Call(JinjaArguments arguments)
    {
        object? items = arguments.Bind("loop", ("iterable", JinjaArguments.Required))[0];
        return _recurse is null
            ? throw arguments.Fail("a loop that is called must have the word 'recursive'")
            : _recurse(items, _depth + 1);
    }

    public object? Attribute(string name) => name switch
    {
        "index" => _index + 1L,
        "index0" => (long)_index,
        "revindex" => Length() - _index,
        "revindex0" => Length() - _index - 1,
        "first" => _index == 0,
        "last" => !Peek(),
        "length" => Length(),
        "depth" => _depth + 1L,
        "depth0" => (long)_depth,
        "previtem" => _index > 0 ? _previous : new JinjaUndefined("loop.previtem"),
        "nextitem" => Peek() ? _next : new JinjaUndefined("loop.nextitem"),
        "cycle" => new JinjaFunction("cycle", Cycle),
        "changed" => new JinjaFunction("changed", arguments => HasChanged(arguments)),
        _ => new JinjaUndefined(name),
    };

    private bool Peek()
    {
        if (!_isPeeked)
        {
            _isPeeked = true;
            _hasNext = _items.MoveNext();
            _next = _hasNext ? _items.Current : null;
        }

        return _hasNext;
    }

    // A loop over items that are made one by one learns its length by making them all.
    private long Length()
    {
        if (_length is null)
        {
            var rest = new List<object?>();
            while (_items.MoveNext())
                rest.Add(_items.Current);
            _items = ((IEnumerable<object?>)rest).GetEnumerator();
            _length = _index + 1 + rest.Count + (_isPeeked && _hasNext ? 1 : 0);
        }

        return _length.Value;
    }

    private object? Cycle(JinjaArguments arguments) => arguments.Positional.Count == 0
        ? throw arguments.Fail("cycle: no items are given")
        : arguments.Positional[_index % arguments.Positional.Count];

    private bool HasChanged(JinjaArguments arguments)
    {
        JinjaList value = JinjaList.Tuple(arguments.Positional);
        bool changed = _changed is null || !JinjaOperations.AreEqual(_changed, value, arguments.Line, arguments.Budget);
        _changed = value;
        return changed;
    }
}
