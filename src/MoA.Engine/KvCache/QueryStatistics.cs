using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>The mean and the spread of a prompt's queries before RoPE for one group of query heads, kept until rows are chosen by them.</summary>
internal sealed unsafe class QueryStatistics : IDisposable
{
    private readonly NativeAllocator _allocator;
    private readonly int _group;
    private readonly int _size;
    private NativeBuffer<float>? _sums;

    /// <param name="allocator">Where the memory is counted.</param>
    /// <param name="group">Query heads of the group.</param>
    /// <param name="size">Components of a head.</param>
    public QueryStatistics(NativeAllocator allocator, int group, int size) => (_allocator, _group, _size) = (allocator, group, size);

    /// <summary>Queries counted.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of native memory.</summary>
    public long Bytes => _sums?.Bytes ?? 0;

    /// <summary>Bytes that one group's take.</summary>
    public static long BytesOf(int group, int size) => (long)group * size * (size + 1) * sizeof(float);

    /// <summary>The mean query of a head, [size].</summary>
    public float* Mean(int head) => Memory.Data + (nint)head * _size * (_size + 1);

    /// <summary>Σ (q − mean)(q − mean)ᵀ over the queries of a head, [size, size].</summary>
    public float* Spread(int head) => Mean(head) + _size;

    private NativeBuffer<float> Memory
    {
        get
        {
            if (_sums is null)
            {
                _sums = new NativeBuffer<float>(_allocator, (long)_group * _size * (_size + 1));
                _sums.AsSpan(0, (int)_sums.Length).Clear();
            }

            return _sums;
        }
    }

    /// <summary>Counts queries of which <see cref="Mean"/> and <see cref="Spread"/> know by now.</summary>
    public void Counted(int queries) => Count += queries;

    /// <summary>The same statistics, to which other queries are added from now on.</summary>
    public QueryStatistics Copy()
    {
        QueryStatistics copy = new(_allocator, _group, _size) { Count = Count };
        if (_sums is not null)
            Buffer.MemoryCopy(_sums.Data, copy.Memory.Data, _sums.Bytes, _sums.Bytes);
        return copy;
    }

    /// <summary>Forgets the queries and frees the memory.</summary>
    public void Clear()
    {
        _sums?.Dispose();
        _sums = null;
        Count = 0;
    }

    public void Dispose() => Clear();
}
