namespace MoA.Serving.Structured.Parts;

/// <summary>One of several parts.</summary>
internal sealed class ChoicePart(IReadOnlyList<Part> options) : Part
{
    public override void Enter(Frame? stack, CursorSet into)
    {
        foreach (Part option in options)
        {
            if (option.LeastDepth <= DepthLeft(stack))
                into.Enter(option, stack);
        }
    }

    public override void Resume(Frame frame, int outcome, CursorSet into) => throw new NotSupportedException();

    protected override int ComputeDepth() => options.Count == 0 ? Endless : options.Min(option => option.LeastDepth);
}
