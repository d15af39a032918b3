namespace MoA.Serving.Structured.Parts;

/// <summary>A part several times, with a separator between; neither may be empty.</summary>
/// <param name="part">The part.</param>
/// <param name="separator">What stands between two; null: nothing.</param>
/// <param name="least">Fewest times.</param>
/// <param name="most">Most times; null: no bound.</param>
internal sealed class RepeatPart(Part part, Part? separator, int least, int? most) : Part
{
    private const int Inside = 0, Between = 1;

    public override void Enter(Frame? stack, CursorSet into)
    {
        if (least == 0)
            into.Return(stack, 0);
        if (most != 0)
            into.Enter(part, new Frame(this, Inside, 1, stack));
    }

    public override void Resume(Frame frame, int outcome, CursorSet into)
    {
        if (frame.Phase == Between)
        {
            into.Enter(part, frame.With(Inside, frame.Count));
            return;
        }

        if (frame.Count >= least)
            into.Return(frame.Parent, 0);
        if (frame.Count == most)
            return;
        int next = most is null ? Math.Min(frame.Count + 1, Math.Max(least, 1)) : frame.Count + 1;
        if (separator is null)
            into.Enter(part, frame.With(Inside, next));
        else
            into.Enter(separator, frame.With(Between, next));
    }

    protected override int ComputeDepth() => least == 0 ? 0 : Math.Max(part.LeastDepth, separator?.LeastDepth ?? 0);
}
