namespace MoA.Serving.Structured.Parts;

/// <summary>A list.</summary>
/// <param name="first">What its first items are.</param>
/// <param name="rest">What those after them are; null: there are none.</param>
/// <param name="least">Fewest items.</param>
/// <param name="most">Most items; null: no bound.</param>
internal sealed class ArrayPart(IReadOnlyList<Part> first, Part? rest, int least, int? most) : Part
{
    private const int Next = 0, Item = 1;

    public override bool IsContainer => true;

    public override void Enter(Frame? stack, CursorSet into)
    {
        if (LeastDepth > DepthLeft(stack))
            return;
        if (least == 0)
            into.Begin(JsonTerminals.EmptyArray, stack);
        Frame frame = new(this, Next, 0, stack);
        if (HasItem(frame))
            into.Begin(JsonTerminals.OpenArray, frame);
    }

    public override void Resume(Frame frame, int outcome, CursorSet into)
    {
        if (frame.Phase == Next)
        {
            int next = most is null ? Math.Min(frame.Count + 1, Math.Max(first.Count, least)) : frame.Count + 1;
            into.Enter(ItemAt(frame.Count)!, frame.With(Item, next));
            return;
        }

        if (HasItem(frame))
            into.Begin(JsonTerminals.Comma, frame.With(Next, frame.Count));
        if (frame.Count >= least)
            into.Begin(JsonTerminals.CloseArray, frame.Parent);
    }

    protected override int ComputeDepth()
    {
        int depth = 0;
        for (int i = 0; i < Math.Min(least, first.Count + 1); i++)
            depth = Math.Max(depth, ItemAt(i)?.LeastDepth ?? Endless);
        return depth + 1;
    }

    private Part? ItemAt(int index) => index < first.Count ? first[index] : rest;

    private bool HasItem(Frame frame) =>
        !(frame.Count >= most) && ItemAt(frame.Count) is Part item && item.LeastDepth <= DepthLeft(frame);
}
