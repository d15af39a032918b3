using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>The last queries of a prompt for one group of query heads, kept until rows are chosen by them.</summary>
internal sealed unsafe class QueryWindow : IDisposable
{
    // Queries that there is room for at first.
    private const int Least = 64;

    private readonly NativeAllocator _allocator;
    private readonly int _most;
    private NativeBuffer<float>? _rows;

    /// <param name="allocator">Where the memory is counted.</param>
    /// <param name="most">Queries to keep.</param>
    /// <param name="width">Floats of a query, all heads of the group.</param>
    public QueryWindow(NativeAllocator allocator, int most, int width)
    {
        _allocator = allocator;
        _most = most;
        Width = width;
    }

    public int Width { get; }

    /// <summary>Queries kept.</summary>
    public int Count { get; private set; }

    /// <summary>[<see cref="Count"/>, <see cref="Width"/>], the oldest first.</summary>
    public float* Rows => _rows is null ? null : _rows.Data;

    /// <summary>Bytes of native memory.</summary>
    public long Bytes => _rows?.Bytes ?? 0;

    /// <summary>The same queries, to which others are added from now on.</summary>
    public QueryWindow Copy()
    {
        QueryWindow copy = new(_allocator, _most, Width);
        if (Count > 0)
            copy.Add(Rows, Width, Count);
        return copy;
    }

    /// <summary>Adds queries; the oldest give way.</summary>
    public void Add(float* queries, nint stride, int count)
    {
        MakeRoom(count);
        int added = Math.Min(count, _most), kept = Math.Min(Count, _most - added);
        long bytes = Width * 4L;
        Buffer.MemoryCopy(Rows + (nint)(Count - kept) * Width, Rows, _rows!.Bytes, kept * bytes);
        for (int i = 0; i < added; i++)
            Buffer.MemoryCopy(queries + (count - added + i) * stride, Rows + (nint)(kept + i) * Width, bytes, bytes);
        Count = kept + added;
    }

    public void Dispose() => Clear();

    // A small window is allocated whole, all of a prompt's queries as they come.
    private void MakeRoom(int count)
    {
        long held = _rows is null ? 0 : _rows.Length / Width, needed = Math.Min(_most, (long)Count + count);
        if (held >= needed)
            return;
        NativeBuffer<float> rows = new(_allocator, Math.Min(_most, Math.Max(needed, Math.Max(2 * held, Least))) * Width);
        if (_rows is not null)
            Buffer.MemoryCopy(_rows.Data, rows.Data, rows.Bytes, (long)Count * Width * sizeof(float));
        _rows?.Dispose();
        _rows = rows;
    }

    /// <summary>Forgets the queries and frees their memory.</summary>
    public void Clear()
    {
        _rows?.Dispose();
        _rows = null;
        Count = 0;
    }
}
