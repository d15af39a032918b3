using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured.Parts;

/// <summary>A terminal alone; null stands for one that has no text.</summary>
internal sealed class TerminalPart(Terminal? terminal) : Part
{
    public Terminal? Terminal => terminal;

    public override void Enter(Frame? stack, CursorSet into)
    {
        if (terminal is not null)
            into.Begin(terminal, stack);
    }

    public override void Resume(Frame frame, int outcome, CursorSet into) => throw new NotSupportedException();

    protected override int ComputeDepth() => terminal is null ? Endless : 0;
}
