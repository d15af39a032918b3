using MoA.Engine.Attention;

namespace MoA.Engine.Kernels;

/// <summary>Consecutive rows of a query head, within one block of the layer's spans, that stand in neighbouring lanes of a panel.</summary>
/// <param name="Head">Query head.</param>
/// <param name="Row">First row, counted within the segment.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Position">Position of the first row's token.</param>
/// <param name="Lane">The first row's lane.</param>
internal readonly record struct PrefillRun(int Head, int Row, int Rows, int Position, int Lane)
{
    /// <summary>
    /// Of so many keys, all of the sink or all behind it, those that one of the rows sees, counted from the first on: from First on,
    /// before End; none where the end isn't behind the first.
    /// </summary>
    public (int First, int End) Sees(int position, int count, LayerSpans spans)
    {
        long first = Math.Max(0, Math.Max(Oldest(position, spans), (long)Position - spans.SlidingWindow + 1) - position);
        return ((int)Math.Min(count, first), Math.Min(count, Position + Rows - position));
    }

    /// <summary>
    /// Sets the scores of keys that a row doesn't see to −∞: the future's, and those before its ring and its window.
    /// </summary>
    /// <param name="position">Position of the first key.</param>
    /// <param name="count">Keys.</param>
    /// <param name="spans">What the layer sees.</param>
    /// <param name="scores">The first key's score in the first row's lane.</param>
    /// <param name="stride">Floats from key to key.</param>
    public unsafe void Hide(int position, int count, LayerSpans spans, float* scores, nint stride)
    {
        int oldest = Oldest(position, spans), window = spans.SlidingWindow;
        if (position + count - 1 <= Position && position > (long)Position + Rows - 1 - window && position >= oldest)
            return;
        for (int key = 0; key < count; key++, position++, scores += stride)
        {
            int future = position < oldest ? Rows : Math.Clamp(position - Position, 0, Rows);
            new Span<float>(scores, future).Fill(float.NegativeInfinity);
            int past = (int)Math.Clamp((long)position + window - Position, 0, Rows);
            new Span<float>(scores + past, Rows - past).Fill(float.NegativeInfinity);
        }
    }

    // The first position of the ring that all rows see; the sink is seen whole.
    private int Oldest(int position, LayerSpans spans) =>
        position < spans.Block ? 0 : (Position / spans.Block - spans.VisibleRing[Head] / spans.Block + 1) * spans.Block;
}
