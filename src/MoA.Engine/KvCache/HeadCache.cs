using MoA.Engine.Attention;
using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>
/// The rows of one KV head in one layer for one sequence in the processor's memory: a single aligned block, keys then values,
/// in both as <see cref="HeadRing"/> says.
/// Where rows are evicted by their scores, what is called a position here is a row's number: to everything that reads and
/// writes rows, the head's sequence is just shorter by what was evicted, and its ring never turns.
/// </summary>
internal sealed unsafe class HeadCache : HeadRing, IDisposable
{
    private readonly NativeAllocator _allocator;
    private readonly int _headSize;
    private NativeBuffer<byte> _block;
    private NativeBuffer<byte>? _aside;

    public HeadCache(NativeAllocator allocator, ElementType type, int headSize, HeadLayout layout)
        : base(layout)
    {
        _allocator = allocator;
        _headSize = headSize;
        Type = type;
        BytesPerRow = (int)type.RowBytes(headSize);
        _block = new NativeBuffer<byte>(allocator, 2L * Rows * BytesPerRow);
    }

    /// <summary>Format of the stored numbers: BF16, F32 or Q8_0.</summary>
    public ElementType Type { get; }

    /// <summary>The tokens that the rows hold where they are evicted by their scores; otherwise null.</summary>
    public HeldTokens? Tokens { get; private set; }

    public long Bytes => _block.Bytes + (_aside?.Bytes ?? 0);

    /// <summary>[Rows, headSize].</summary>
    public byte* Keys => _block.Data;

    /// <summary>[Rows, headSize].</summary>
    public byte* Values => _block.Data + (nint)Rows * BytesPerRow;

    public int BytesPerRow { get; }

    /// <summary>From now on rows are evicted by their scores.</summary>
    /// <param name="capacity">Tokens of which notes may be taken.</param>
    public void NoteTokens(int capacity)
    {
        Tokens = new HeldTokens();
        Tokens.Reserve(capacity);
    }

    /// <summary>Writes one token's key and value at its position.</summary>
    public void Write<TSimd, TVector>(int position, float* key, float* value)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        nint offset = (nint)Slot(position) * BytesPerRow;
        RowFormat<TSimd, TVector>.Write(key, Type, Keys + offset, _headSize);
        RowFormat<TSimd, TVector>.Write(value, Type, Values + offset, _headSize);
    }

    /// <summary>Makes room for as many rows that are put aside.</summary>
    public void ReserveAside(int rows)
    {
        long bytes = 2L * ((rows + 7) / 8 * 8) * BytesPerRow; // drafts vary in length
        if (_aside?.Bytes >= bytes)
            return;
        _aside?.Dispose();
        _aside = null;
        _aside = new NativeBuffer<byte>(_allocator, bytes);
    }

    /// <summary>Puts the row aside whose place a token is about to take, if there is one.</summary>
    /// <param name="position">The token's.</param>
    /// <param name="index">Which of the rows put aside.</param>
    public void PutAside(int position, int index)
    {
        if (Replaces(position))
            Move(position, index, back: false);
    }

    /// <summary>Takes a token back: the row whose place it took stands there again.</summary>
    /// <param name="position">The token's.</param>
    /// <param name="index">Which of the rows put aside.</param>
    public void TakeBack(int position, int index)
    {
        if (Replaces(position))
            Move(position, index, back: true);
    }

    /// <summary>Makes room for more rows and moves those held so far to their new places.</summary>
    /// <param name="layout">The new layout; one with no more rows than now is ignored.</param>
    /// <param name="length">Tokens written so far.</param>
    public void Grow(HeadLayout layout, int length)
    {
        if (layout.Rows <= Rows)
            return;
        HeadLayout oldLayout = Layout;
        NativeBuffer<byte> old = _block;
        _block = new NativeBuffer<byte>(_allocator, 2L * layout.Rows * BytesPerRow);
        State = State.In(layout, length);
        CopyRows(old.Data, oldLayout, length);
        old.Dispose();
    }

    /// <summary>Takes over copies of another head's rows and of what is noted of their tokens.</summary>
    /// <param name="source">The head; it holds all that is held here by <paramref name="state"/>.</param>
    /// <param name="state">What is to be held here, in the layout that this head has.</param>
    /// <param name="length">Tokens written so far.</param>
    public void CopyFrom(HeadCache source, RingState state, int length)
    {
        State = state;
        Tokens = source.Tokens?.Copy();
        CopyRows(source.Keys, source.Layout, Tokens?.Count ?? length);
    }

    /// <summary>Where the rows of all tokens that are held stand, in the tokens' order, a few MiB at a time.</summary>
    /// <param name="length">Tokens written so far.</param>
    public IEnumerable<(int Slot, int Rows)> Pieces(int length)
    {
        int most = Math.Max(1, (4 << 20) / BytesPerRow);
        for (int position = NextHeld(0, length), end; position < length; position = NextHeld(end, length))
        {
            end = Math.Min(RunEnd(position, length), position + most);
            yield return (Slot(position), end - position);
        }
    }

    /// <summary>Keys, or values, that stand side by side.</summary>
    public Span<byte> Stored(bool values, int slot, int rows) => new((values ? Values : Keys) + (nint)slot * BytesPerRow, rows * BytesPerRow);

    /// <summary>Keeps some of the rows of <see cref="Tokens"/>, in ascending order, in a block of another size.</summary>
    /// <param name="kept">The rows to keep.</param>
    /// <param name="rows">Room for rows, at least as many.</param>
    public void Keep(ReadOnlySpan<int> kept, int rows)
    {
        NativeBuffer<byte> old = _block;
        byte* oldValues = Values;
        if (rows != Rows)
        {
            _block = new NativeBuffer<byte>(_allocator, 2L * rows * BytesPerRow);
            State = new RingState(HeadLayout.OfEvicted(rows));
        }

        for (int row = 0; row < kept.Length; row++)
        {
            nint from = (nint)kept[row] * BytesPerRow, to = (nint)row * BytesPerRow;
            Buffer.MemoryCopy(old.Data + from, Keys + to, BytesPerRow, BytesPerRow);
            Buffer.MemoryCopy(oldValues + from, Values + to, BytesPerRow, BytesPerRow);
        }

        Tokens!.Keep(kept);
        if (old != _block)
            old.Dispose();
    }

    /// <summary>Makes room for rows of <see cref="Tokens"/>.</summary>
    /// <param name="rows">Rows, those included that are held.</param>
    public void MakeRoom(int rows)
    {
        if (rows > Rows)
            Keep([.. Enumerable.Range(0, Tokens!.Count)], rows);
        Tokens!.Reserve(rows);
    }

    /// <summary>Evicts one row of <see cref="Tokens"/>; the last one takes its place.</summary>
    public void Drop(int row)
    {
        Tokens!.Drop(row);
        nint from = (nint)Tokens.Count * BytesPerRow, to = (nint)row * BytesPerRow;
        Buffer.MemoryCopy(Keys + from, Keys + to, BytesPerRow, BytesPerRow);
        Buffer.MemoryCopy(Values + from, Values + to, BytesPerRow, BytesPerRow);
    }

    public void Dispose()
    {
        _block.Dispose();
        _aside?.Dispose();
    }

    // The rows of all tokens that are held here, from a block in which they stand in another layout.
    private void CopyRows(byte* block, HeadLayout layout, int length)
    {
        byte* values = block + (nint)layout.Rows * BytesPerRow;
        for (int position = NextHeld(0, length), end; position < length; position = NextHeld(end, length))
        {
            end = Math.Min(RunEnd(position, length), position + layout.Run(position));
            long bytes = (long)(end - position) * BytesPerRow;
            nint from = (nint)layout.Slot(position) * BytesPerRow, to = (nint)Slot(position) * BytesPerRow;
            Buffer.MemoryCopy(block + from, Keys + to, bytes, bytes);
            Buffer.MemoryCopy(values + from, Values + to, bytes, bytes);
        }
    }

    // Up to where tokens from a position on stand side by side; what follows the sink may be lost.
    private int RunEnd(int position, int length) => Math.Min(
        position + Layout.Run(position), position < Layout.Sink ? Math.Min(length, Layout.Sink) : length);

    private void Move(int position, int index, bool back)
    {
        byte* aside = _aside!.Data + 2L * index * BytesPerRow;
        nint offset = (nint)Slot(position) * BytesPerRow;
        byte* key = Keys + offset, value = Values + offset;
        if (back)
        {
            Buffer.MemoryCopy(aside, key, BytesPerRow, BytesPerRow);
            Buffer.MemoryCopy(aside + BytesPerRow, value, BytesPerRow, BytesPerRow);
        }
        else
        {
            Buffer.MemoryCopy(key, aside, BytesPerRow, BytesPerRow);
            Buffer.MemoryCopy(value, aside + BytesPerRow, BytesPerRow, BytesPerRow);
        }
    }
}
