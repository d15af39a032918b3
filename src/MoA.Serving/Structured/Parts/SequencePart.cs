namespace MoA.Serving.Structured.Parts;

/// <summary>Parts one after the other.</summary>
internal sealed class SequencePart(IReadOnlyList<Part> parts) : Part
{
    public override void Enter(Frame? stack, CursorSet into) => EnterAt(0, stack, into);

    public override void Resume(Frame frame, int outcome, CursorSet into) => EnterAt(frame.Count, frame.Parent, into);

    protected override int ComputeDepth() => parts.Count == 0 ? 0 : parts.Max(part => part.LeastDepth);

    private void EnterAt(int index, Frame? stack, CursorSet into)
    {
        if (index == parts.Count)
            into.Return(stack, 0);
        else
            into.Enter(parts[index], index == parts.Count - 1 ? stack : new Frame(this, 0, index + 1, stack));
    }
}
