using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>Caches filled with random rows: as a prefill leaves them, but for the numbers.</summary>
public sealed unsafe class FillRandomTests
{
    private static readonly ModelConfig Config = AttentionLayer.Config(2, 2, 32, layers: 2);

    [Theory]
    [InlineData(40)]
    [InlineData(64)]
    [InlineData(1000)]
    public void Every_row_that_stays_is_written_with_mean_0_and_deviation_1(int length)
    {
        using SequenceCache cache = Create(out NativeAllocator allocator);
        new Span<byte>(cache.Head(1, 1).Keys, (int)cache.Head(1, 1).Bytes).Fill(0xFF); // NaN
        cache.FillRandom(length, 3);
        Assert.Equal(length, cache.Length);
        Assert.Equal(cache.Bytes, allocator.AllocatedBytes);
        HeadCache head = cache.Head(1, 1);
        int rows = Math.Min(length, 256); // 0.25 · 1024
        float[] keys = Numbers(head.Keys, rows), values = Numbers(head.Values, rows);
        foreach (float[] numbers in new[] { keys, values })
        {
            Assert.All(numbers, number => Assert.InRange(number, -1.74f, 1.74f)); // ±√3, rounded to BF16; no NaN left
            Assert.InRange(numbers.Average(), -0.15, 0.15);
            Assert.InRange(Math.Sqrt(numbers.Average(number => number * number)), 0.85, 1.15);
        }

        Assert.NotEqual(keys, values);
        Assert.Equal(rows, keys.Chunk(32).Select(row => string.Join(' ', row)).Distinct().Count());
    }

    [Fact]
    public void The_same_seed_gives_the_same_rows_and_another_others()
    {
        string Rows(ulong seed)
        {
            using SequenceCache cache = Create(out _);
            cache.FillRandom(500, seed);
            return string.Join(' ', Numbers(cache.Head(0, 0).Keys, 256));
        }

        Assert.Equal(Rows(1), Rows(1));
        Assert.NotEqual(Rows(1), Rows(2));
    }

    [Fact]
    public void Full_or_filled_caches_take_no_more()
    {
        using SequenceCache cache = Create(out _);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => cache.FillRandom(1025, 0));
        cache.FillRandom(1024, 0);
        _ = Assert.Throws<InvalidOperationException>(() => cache.FillRandom(1, 0));
    }

    private static SequenceCache Create(out NativeAllocator allocator) => new(
        Config, new StreamingLlmPolicy(new ElasticRule(0, 0.25)), 1024, ElementType.BF16, allocator = new NativeAllocator());

    private static float[] Numbers(byte* rows, int count) =>
        [.. Enumerable.Range(0, count * 32).Select(i => SimdScalar.LoadBF16((ushort*)rows + i))];
}
