namespace MoA.Serving.Structured.Automata;

/// <summary>
/// A regular language over bytes, as a deterministic automaton. From every state that is not <see cref="Dead"/> some bytes lead to a final one,
/// so that what has begun can always be ended. Immutable and safe to share between threads.
/// </summary>
internal abstract class Terminal
{
    /// <summary>The state from which nothing leads on.</summary>
    public const int Dead = -1;

    private static readonly byte[] EveryByte = [.. Enumerable.Range(0, 256).Select(value => (byte)value)];

    /// <summary>Where it begins.</summary>
    public virtual int Start => 0;

    /// <summary>For each byte a number that is another's only if no state tells the two apart.</summary>
    public virtual IReadOnlyList<byte> Classes => EveryByte;

    /// <summary>The state after a byte.</summary>
    public abstract int Next(int state, byte value);

    /// <summary>Whether it may end here.</summary>
    public abstract bool IsFinal(int state);

    /// <summary>Whether anything may follow here.</summary>
    public virtual bool GoesOn(int state) => true;

    /// <summary>Which of several things was read; asked of final states.</summary>
    public virtual int Outcome(int state) => 0;

    /// <summary>
    /// States that are given the same key lead to the same places over the bytes of any token.
    /// </summary>
    /// <param name="state">A state.</param>
    /// <param name="longestToken">Most bytes of a token.</param>
    public virtual (object Language, long State) KeyOf(int state, int longestToken) => (this, state);

    /// <summary>Moves a cursor by a byte.</summary>
    public virtual void Step(Cursor cursor, byte value, CursorSet into)
    {
        int next = Next(cursor.State, value);
        if (next != Dead)
            into.Add(cursor with { State = next });
    }

    /// <summary>Where a cursor is after bytes that lead to a state.</summary>
    public virtual Cursor Stay(Cursor cursor, ReadOnlySpan<byte> path, int state) => cursor with { State = state };

    /// <summary>Where a cursor gets over bytes at whose end, and not before, this language ends.</summary>
    public virtual void Leave(Cursor cursor, ReadOnlySpan<byte> path, CursorSet into)
    {
        int state = cursor.State;
        foreach (byte value in path)
            state = Next(state, value);
        into.Return(cursor.Stack, Outcome(state));
    }

    /// <summary>Whether a text is of the language.</summary>
    public bool Accepts(ReadOnlySpan<byte> text)
    {
        int state = Start;
        foreach (byte value in text)
        {
            state = Next(state, value);
            if (state == Dead)
                return false;
        }

        return IsFinal(state);
    }
}
