using System.Text;

namespace MoA.Serving.Structured.Automata;

/// <summary>
/// The name of a property, of any text but those that the object has already or that its schema describes. Names are written in one way, so
/// that equal ones have equal bytes; the frame under the cursor holds those of the name so far.
/// </summary>
internal sealed class FreeKeyTerminal : Terminal
{
    private FreeKeyTerminal()
    {
    }

    /// <summary>The only one.</summary>
    public static FreeKeyTerminal Instance { get; } = new();

    public override int Next(int state, byte value) => StringStates.NextCanonical(state, value);

    public override bool IsFinal(int state) => state == StringStates.After;

    public override bool GoesOn(int state) => state != StringStates.After;

    public override void Step(Cursor cursor, byte value, CursorSet into)
    {
        int next = Next(cursor.State, value);
        if (next == StringStates.After)
            Leave(cursor, [value], into);
        else if (next != Dead)
            into.Add(Stay(cursor, [value], next));
    }

    public override Cursor Stay(Cursor cursor, ReadOnlySpan<byte> path, int state) => new(this, state, Named(cursor, path));

    public override void Leave(Cursor cursor, ReadOnlySpan<byte> path, CursorSet into)
    {
        Frame frame = Named(cursor, path[..^1]);
        if (!frame.Names!.Contains(frame.Name))
            into.Return(frame, 0);
    }

    private static Frame Named(Cursor cursor, ReadOnlySpan<byte> path)
    {
        ReadOnlySpan<byte> more = path[(cursor.State == StringStates.Before ? 1 : 0)..];
        return more.IsEmpty ? cursor.Stack! : cursor.Stack!.WithName(cursor.Stack.Name + Encoding.Latin1.GetString(more));
    }
}
