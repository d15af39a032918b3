using MoA.Engine.KvCache;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>Keys and values that carry the position they were written for.</summary>
internal static unsafe class PositionRows
{
    private const int HeadSize = 6;

    public static HeadRows Create(int positions, int heads) => new(positions, heads, heads, HeadSize)
    {
        Queries = new float[positions * heads * HeadSize],
        Keys = Numbers(positions, heads, 1),
        Values = Numbers(positions, heads, -1),
    };

    /// <summary>Fills a cache of F32 rows with -1.</summary>
    public static void MarkEmpty(HeadCache cache) => new Span<float>(cache.Keys, (int)cache.Bytes / 4).Fill(-1);

    /// <summary>The position in each slot, -1 where nothing was written.</summary>
    public static int[] Read(HeadCache cache)
    {
        int[] positions = new int[cache.Rows];
        for (int slot = 0; slot < positions.Length; slot++)
        {
            ReadOnlySpan<float> key = new((float*)cache.Keys + slot * HeadSize, HeadSize);
            ReadOnlySpan<float> value = new((float*)cache.Values + slot * HeadSize, HeadSize);
            positions[slot] = key[0] < 0 ? -1 : (int)key[0] / HeadSize;
            for (int d = 0; d < HeadSize; d++)
            {
                float expected = positions[slot] < 0 ? 1 : positions[slot] * HeadSize + d;
                if (Math.Abs(key[d]) != expected || value[d] != -expected)
                    Assert.Fail($"slot {slot}, component {d}: key {key[d]}, value {value[d]}");
            }
        }

        return positions;
    }

    private static float[] Numbers(int positions, int heads, int sign)
    {
        int width = heads * HeadSize;
        return [.. Enumerable.Range(0, positions * width).Select(
            i => (float)(sign * (i / width * HeadSize + i % HeadSize)))];
    }
}
