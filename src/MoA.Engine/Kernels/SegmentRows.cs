using System.Runtime.CompilerServices;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>The keys and values that rows of a prompt read, of one KV head: those that are cached, then the segment's own.</summary>
internal readonly unsafe struct SegmentRows<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly AttentionInputs _inputs;
    private readonly HeadCache _cache;
    private readonly int _firstRow;
    private readonly int _keyValueHead;

    public SegmentRows(in AttentionInputs inputs, in AttentionSegment segment, int keyValueHead)
    {
        _inputs = inputs;
        _cache = segment.Cache.Head(inputs.Layer, keyValueHead);
        _firstRow = segment.FirstRow;
        _keyValueHead = keyValueHead;
        Start = segment.Cache.Start(inputs.Layer, keyValueHead);
    }

    /// <summary>Where the segment's own rows start.</summary>
    public int Start { get; }

    /// <summary>Widens rows that are held.</summary>
    /// <param name="position">The first.</param>
    /// <param name="count">How many.</param>
    /// <param name="keys">[count, stride]: takes the keys.</param>
    /// <param name="values">[count, stride]: takes the values; null for none.</param>
    /// <param name="stride">Floats from row to row.</param>
    [MethodImpl(JitOptions.Loop)]
    public void Read(int position, int count, float* keys, float* values, nint stride)
    {
        for (int end = position + count, rows; position < end; position += rows, keys += rows * stride)
        {
            if (position < Start)
            {
                // Consecutive positions stand in consecutive slots up to the end of the ring.
                int slot = _cache.Slot(position);
                rows = Math.Min(Math.Min(end, Start) - position, _cache.Rows - slot);
                nint offset = (nint)slot * _cache.BytesPerRow;
                Widen(_cache.Keys + offset, rows, keys, stride);
                if (values is not null)
                    Widen(_cache.Values + offset, rows, values, stride);
            }
            else
            {
                rows = end - position;
                int row = _firstRow + position - Start;
                Copy(_inputs.Key(row, _keyValueHead), rows, keys, stride);
                if (values is not null)
                    Copy(_inputs.Value(row, _keyValueHead), rows, values, stride);
            }

            if (values is not null)
                values += rows * stride;
        }
    }

    /// <summary>Widens keys and values of positions that are held, in any order.</summary>
    /// <param name="positions">The positions.</param>
    /// <param name="count">How many.</param>
    /// <param name="keys">[count, stride]: takes the keys.</param>
    /// <param name="values">[count, stride]: takes the values.</param>
    /// <param name="stride">Floats from row to row.</param>
    [MethodImpl(JitOptions.Loop)]
    public void Gather(int* positions, int count, float* keys, float* values, nint stride)
    {
        int size = _inputs.HeadSize, bytes = _cache.BytesPerRow, rows = _cache.Rows;
        bool isShort = _cache.Type == ElementType.BF16 && size % TSimd.Width == 0;
        byte* cachedKeys = _cache.Keys, cachedValues = _cache.Values;
        for (int i = 0; i < count; i++, keys += stride, values += stride)
        {
            int position = positions[i];
            if (!isShort || position >= Start)
            {
                int first = i;
                while (i + 1 < count && positions[i + 1] == positions[i] + 1 && (positions[i + 1] < Start) == (position < Start))
                    i++;
                Read(position, i - first + 1, keys, values, stride);
                keys += (i - first) * stride;
                values += (i - first) * stride;
                continue;
            }

            nint offset = (nint)(position < rows ? position : _cache.Slot(position)) * bytes;
            ushort* key = (ushort*)(cachedKeys + offset), value = (ushort*)(cachedValues + offset);
            for (int d = 0; d < size; d += TSimd.Width)
            {
                TSimd.Store(keys + d, TSimd.LoadBF16(key + d));
                TSimd.Store(values + d, TSimd.LoadBF16(value + d));
            }
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void Widen(byte* from, int rows, float* to, nint stride)
    {
        int size = _inputs.HeadSize;
        if (_cache.Type != ElementType.BF16 || size % TSimd.Width != 0)
        {
            for (int row = 0; row < rows; row++, from += _cache.BytesPerRow, to += stride)
                NumberFormat<TSimd, TVector>.Widen(_cache.Type, from, to, size);
            return;
        }

        ushort* stored = (ushort*)from;
        for (int row = 0; row < rows; row++, stored += size, to += stride)
        {
            for (int d = 0; d < size; d += TSimd.Width)
                TSimd.Store(to + d, TSimd.LoadBF16(stored + d));
        }
    }

    private void Copy(float* from, int rows, float* to, nint stride)
    {
        long bytes = _inputs.HeadSize * 4L;
        nint fromStride = (nint)_inputs.KeyValueHeads * _inputs.HeadSize;
        for (int row = 0; row < rows; row++, from += fromStride, to += stride)
            Buffer.MemoryCopy(from, to, bytes, bytes);
    }
}
