using MoA.Engine.Attention;

namespace MoA.Engine.KvCache;

/// <summary>
/// Where the tokens of one KV head in one layer stand among its rows, whatever memory these are in. Keys are stored after RoPE,
/// so the order within the ring does not matter.
/// </summary>
internal abstract class HeadRing(HeadLayout layout)
{
    /// <summary>The rows, and what of them is held.</summary>
    public RingState State { get; protected set; } = new(layout);

    public HeadLayout Layout => State.Layout;

    public int RingRows => Layout.RingRows;

    public int Rows => Layout.Rows;

    /// <inheritdoc cref="RingState.LostBefore"/>
    public int LostBefore => State.LostBefore;

    /// <summary>Whether a token takes the place of an older one.</summary>
    public bool Replaces(int position) => position >= Rows;

    /// <summary>The row of a token position.</summary>
    public int Slot(int position) => Layout.Slot(position);

    /// <inheritdoc cref="RingState.OldestInSink"/>
    public int OldestInSink(int length) => State.OldestInSink(length);

    /// <inheritdoc cref="RingState.OldestInRing"/>
    public int OldestInRing(int length) => State.OldestInRing(length);

    /// <inheritdoc cref="RingState.NextHeld"/>
    public int NextHeld(int position, int length) => State.NextHeld(position, length);

    /// <summary>Goes back to when <paramref name="earlier"/> tokens were written, of which all is still held.</summary>
    public void Rewind(int earlier) => State = State.At(earlier);

    /// <summary>Notes where rows stand that were copied here from elsewhere.</summary>
    public void Adopt(RingState state) => State = state;
}
