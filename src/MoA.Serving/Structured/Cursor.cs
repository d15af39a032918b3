using System.Runtime.CompilerServices;
using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured;

/// <summary>One way to read what was written so far: where it stands in a terminal, and what follows behind that.</summary>
/// <param name="Terminal">What is being written.</param>
/// <param name="State">Where in it.</param>
/// <param name="Stack">What goes on behind it; null: nothing.</param>
internal readonly record struct Cursor(Terminal Terminal, int State, Frame? Stack)
{
    public bool Equals(Cursor other) =>
        State == other.State && ReferenceEquals(Terminal, other.Terminal) && Frame.AreEqual(Stack, other.Stack);

    public override int GetHashCode() => HashCode.Combine(RuntimeHelpers.GetHashCode(Terminal), State, Stack?.Hash ?? 0);
}
