using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured.Parts;

/// <summary>An object: its properties in their order, those that need not be there left out or not, then free ones.</summary>
internal sealed class ObjectPart : Part
{
    private const int AtName = 0, NameGiven = 1, ColonGiven = 2, ValueGiven = 3, FreeNameGiven = 4, FreeColonGiven = 5;

    private readonly IReadOnlyList<ObjectProperty> _properties;
    private readonly Part? _free;
    private readonly ByteTrie _names;
    private readonly int[] _nextRequired;
    private readonly ImmutableHashSet<string>? _known;
    private readonly ConcurrentDictionary<(int First, int DepthLeft), NameTerminal> _terminals = new(concurrencyLevel: 1, capacity: 1);

    /// <summary>Describes an object.</summary>
    /// <param name="properties">Its properties, no two of one name.</param>
    /// <param name="free">What the values of further properties are; null: there are none.</param>
    /// <param name="budget">Counts the memory.</param>
    public ObjectPart(IReadOnlyList<ObjectProperty> properties, Part? free, CompileBudget? budget = null)
    {
        (_properties, _free) = (properties, free);
        _names = new ByteTrie([.. properties.Select(property => property.Name)], budget);
        _nextRequired = new int[properties.Count + 1];
        _nextRequired[^1] = properties.Count;
        for (int i = properties.Count - 1; i >= 0; i--)
            _nextRequired[i] = properties[i].Required ? i : _nextRequired[i + 1];
        if (free is not null)
            _known = [.. properties.Select(property => Encoding.Latin1.GetString(property.Name.AsSpan()[1..^1]))];
    }

    public override bool IsContainer => true;

    public override void Enter(Frame? stack, CursorSet into)
    {
        if (LeastDepth > DepthLeft(stack))
            return;
        if (MayEndAt(0))
            into.Begin(JsonTerminals.EmptyObject, stack);
        Frame frame = new(this, AtName, 0, stack, _known);
        if (HasProperty(frame))
            into.Begin(JsonTerminals.OpenObject, frame);
    }

    public override void Resume(Frame frame, int outcome, CursorSet into)
    {
        switch (frame.Phase)
        {
            case AtName:
                if (IsDescribed(frame))
                    into.Begin(TerminalFor(frame), frame.With(NameGiven, frame.Count));
                if (IsFree(frame))
                    into.Begin(FreeKeyTerminal.Instance, frame.With(FreeNameGiven, _properties.Count));
                break;
            case NameGiven:
                into.Begin(JsonTerminals.Colon, frame.With(ColonGiven, outcome));
                break;
            case FreeNameGiven:
                into.Begin(JsonTerminals.Colon, frame.WithKnown(FreeColonGiven, _properties.Count));
                break;
            case ColonGiven:
                into.Enter(_properties[frame.Count].Value, frame.With(ValueGiven, frame.Count + 1));
                break;
            case FreeColonGiven:
                into.Enter(_free!, frame.With(ValueGiven, _properties.Count));
                break;
            default:
                if (HasProperty(frame))
                    into.Begin(JsonTerminals.Comma, frame.With(AtName, frame.Count));
                if (MayEndAt(frame.Count))
                    into.Begin(JsonTerminals.CloseObject, frame.Parent);
                break;
        }
    }

    protected override int ComputeDepth() =>
        1 + _properties.Where(property => property.Required).Select(property => property.Value.LeastDepth).Append(0).Max();

    private bool MayEndAt(int next) => _nextRequired[next] == _properties.Count;

    private bool HasProperty(Frame frame) => IsDescribed(frame) || IsFree(frame);

    private bool IsFree(Frame frame) => _free is not null && MayEndAt(frame.Count) && _free.LeastDepth <= DepthLeft(frame);

    // One of the properties up to the next that must be there, if its value fits into the depth that is left.
    private bool IsDescribed(Frame frame)
    {
        for (int i = frame.Count; i <= LastOf(frame.Count); i++)
        {
            if (_properties[i].Value.LeastDepth <= DepthLeft(frame))
                return true;
        }

        return false;
    }

    private int LastOf(int next) => Math.Min(_nextRequired[next], _properties.Count - 1);

    private NameTerminal TerminalFor(Frame frame)
    {
        int depthLeft = DepthLeft(frame);
        return _terminals.GetOrAdd((frame.Count, depthLeft), static (key, part) => new NameTerminal(
            part._names, key.First, part.LastOf(key.First), index => part._properties[index].Value.LeastDepth <= key.DepthLeft), this);
    }
}
