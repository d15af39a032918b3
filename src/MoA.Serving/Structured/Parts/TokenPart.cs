using MoA.Serving.Structured.Automata;

namespace MoA.Serving.Structured.Parts;

/// <summary>One token that is no text, such as a special one.</summary>
internal sealed class TokenPart(int token) : Part
{
    private readonly TokenTerminal _terminal = new(token);

    public override void Enter(Frame? stack, CursorSet into) => into.Begin(_terminal, stack);

    public override void Resume(Frame frame, int outcome, CursorSet into) => throw new NotSupportedException();

    protected override int ComputeDepth() => 0;
}
