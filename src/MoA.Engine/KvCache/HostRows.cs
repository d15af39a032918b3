using System.Runtime.Intrinsics;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>The rows of one sequence in the processor's memory, a block for each head.</summary>
internal sealed unsafe class HostRows : SequenceRows
{
    private readonly HeadCache[] _heads;
    private readonly int _headSize;

    public HostRows(NativeAllocator allocator, in RowsShape shape, ReadOnlySpan<HeadLayout> layouts)
    {
        _headSize = shape.HeadSize;
        _heads = new HeadCache[layouts.Length];
        for (int i = 0; i < _heads.Length; i++)
            _heads[i] = new HeadCache(allocator, shape.Type, shape.HeadSize, layouts[i]);
    }

    public override ReadOnlySpan<HeadRing> Heads => _heads;

    public override long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (HeadCache head in _heads)
                bytes += head.Bytes;
            return bytes;
        }
    }

    /// <summary>A head's rows.</summary>
    public HeadCache Head(int index) => _heads[index];

    public override void Grow(ReadOnlySpan<HeadLayout> layouts, int length)
    {
        for (int i = 0; i < _heads.Length; i++)
            _heads[i].Grow(layouts[i], length);
    }

    public override void CopyFrom(SequenceRows source, ReadOnlySpan<RingState> states, int length)
    {
        for (int i = 0; i < _heads.Length; i++)
            _heads[i].CopyFrom(((HostRows)source)._heads[i], states[i], length);
    }

    // One head after the other.
    public override long PeakOfGrowing(ReadOnlySpan<HeadLayout> layouts)
    {
        long now = Bytes, peak = now;
        for (int i = 0; i < _heads.Length; i++)
        {
            long added = 2L * _heads[i].BytesPerRow * (layouts[i].Rows - _heads[i].Rows);
            if (added <= 0)
                continue;
            peak = Math.Max(peak, now + 2L * _heads[i].BytesPerRow * layouts[i].Rows);
            now += added;
        }

        return peak;
    }

    public override void FillRandom(int length, ulong seed)
    {
        // Rows are windows of one pool: numbers for each would take longer to draw than to store. The odd stride meets every
        // place before it comes back to the first.
        const int Places = 1 << 14, Stride = 4099;
        float[] pool = new float[Places + 2 * _headSize];
        Random random = new((int)(seed ^ (seed >> 32)));
        for (int i = 0; i < pool.Length; i++)
            pool[i] = (2 * random.NextSingle() - 1) * MathF.Sqrt(3);
        fixed (float* numbers = pool)
        {
            foreach (HeadCache head in _heads)
            {
                int first = random.Next(Places);
                int held = head.Tokens is null ? length : Math.Min(length, head.Rows);
                for (int position = head.NextHeld(0, held); position < held; position = head.NextHeld(position + 1, held))
                {
                    float* key = numbers + (first + (uint)position * Stride) % Places;
                    head.Write<Simd128, Vector128<float>>(position, key, key + _headSize);
                }

                head.Tokens?.Append(length - held, held);
            }
        }
    }

    public override void Dispose()
    {
        foreach (HeadCache head in _heads)
            head.Dispose();
    }
}
