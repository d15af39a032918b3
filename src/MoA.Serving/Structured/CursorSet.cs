using System.Runtime.InteropServices;
using MoA.Serving.Structured.Automata;
using MoA.Serving.Structured.Parts;

namespace MoA.Serving.Structured;

/// <summary>
/// All ways to read what was written so far. From each of them some text leads to the end, so that it does not matter which are dropped
/// where an ambiguous schema makes too many of them, as long as one stays.
/// </summary>
internal sealed class CursorSet
{
    /// <summary>Most cursors that are followed at once.</summary>
    public const int Most = 64;

    private readonly List<Cursor> _cursors = [];

    /// <summary>The cursors.</summary>
    public ReadOnlySpan<Cursor> Cursors => CollectionsMarshal.AsSpan(_cursors);

    /// <summary>Whether what was written may be all.</summary>
    public bool CanEnd { get; private set; }

    /// <summary>Whether nothing that was written can be read at all.</summary>
    public bool IsEmpty => _cursors.Count == 0 && !CanEnd;

    /// <summary>Drops all.</summary>
    public void Clear()
    {
        _cursors.Clear();
        CanEnd = false;
    }

    /// <summary>Begins a terminal.</summary>
    public void Begin(Terminal terminal, Frame? stack) => Add(new Cursor(terminal, terminal.Start, stack));

    /// <summary>Adds a cursor; where its terminal may end, what follows is added too.</summary>
    public void Add(Cursor cursor)
    {
        if (cursor.Terminal.GoesOn(cursor.State))
            AddAlone(cursor);
        if (cursor.Terminal.IsFinal(cursor.State))
            Return(cursor.Stack, cursor.Terminal.Outcome(cursor.State));
    }

    /// <summary>Adds a cursor without what follows.</summary>
    public void AddAlone(Cursor cursor)
    {
        if (_cursors.Count < Most && !_cursors.Contains(cursor))
            _cursors.Add(cursor);
    }

    /// <summary>Goes on behind a part that has ended.</summary>
    public void Return(Frame? stack, int outcome)
    {
        if (stack is null)
            CanEnd = true;
        else
            stack.Part.Resume(stack, outcome, this);
    }

    /// <summary>Enters a part.</summary>
    public void Enter(Part part, Frame? stack) => part.Enter(stack, this);

    /// <summary>Moves all cursors by a byte.</summary>
    public void Step(byte value, CursorSet into)
    {
        into.Clear();
        foreach (Cursor cursor in Cursors)
            cursor.Terminal.Step(cursor, value, into);
    }

    /// <summary>Adds what another set holds.</summary>
    public void AddAll(CursorSet other)
    {
        foreach (Cursor cursor in other.Cursors)
            AddAlone(cursor);
        CanEnd |= other.CanEnd;
    }
}
