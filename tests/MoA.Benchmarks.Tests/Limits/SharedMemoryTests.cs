using MoA.Benchmarks.Kernels;
using MoA.Benchmarks.Limits;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Tests.Limits;

/// <summary>What kernels are measured on must be numbers in their own format.</summary>
public sealed unsafe class SharedMemoryTests : IDisposable
{
    private readonly SharedMemory _memory = new(blockBytes: 1 << 20);

    public static TheoryData<ElementType> Formats => [.. ElementTypes.All];

    public static TheoryData<ElementType> CacheFormats => [ElementType.F32, ElementType.BF16, ElementType.Q8_0];

    /// <summary>
    /// 1/16 is the deviation of random weights with 256 inputs. Of matrices that begin inside a block some number would be far
    /// off, as scales would be quants.
    /// </summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void Weights_of_every_format_are_numbers_of_that_format(ElementType type)
    {
        foreach ((int outputs, int inputs) in new[] { (3, 256), (5, 768), (64, 512) })
        {
            WeightTensor[] weights = _memory.Weights(type, outputs, inputs);
            Assert.InRange(weights.Length, 4, int.MaxValue);
            Assert.Equal(weights.Length, weights.Select(weight => (nint)weight.Data).Distinct().Count());
            foreach (WeightTensor weight in weights)
                AssertSpread(1.0 / 16, Numbers(type, weight.Data, outputs * inputs));
        }
    }

    [Theory]
    [MemberData(nameof(CacheFormats))]
    public void Rows_of_every_format_are_numbers_of_that_format(ElementType type)
    {
        const int headSize = 64, length = 500;
        SequenceCache cache = _memory.Cache(type, AttentionShapes.Config(2, 3, 1, headSize), 4, length);
        Assert.Equal(length, cache.Length);
        for (int head = 0; head < 6; head++)
        {
            HeadCache rows = cache.Head(head / 3, head % 3);
            AssertSpread(1, Numbers(type, rows.Keys, length * headSize));
            AssertSpread(1, Numbers(type, rows.Values, length * headSize));
        }
    }

    [Fact]
    public void Reads_are_of_floats() => AssertSpread(1.0 / 16, _memory.Floats.ToArray());

    public void Dispose() => _memory.Dispose();

    private static float[] Numbers(ElementType type, void* stored, int count)
    {
        float[] numbers = new float[count];
        fixed (float* to = numbers)
            Quantization.Dequantize(type, stored, to, count);
        return numbers;
    }

    private static void AssertSpread(double deviation, float[] numbers)
    {
        Assert.All(numbers, number => Assert.InRange(number, (float)(-3 * deviation), (float)(3 * deviation)));
        Assert.InRange(numbers.Average(), -0.3 * deviation, 0.3 * deviation);
        Assert.InRange(Math.Sqrt(numbers.Average(number => (double)number * number)), 0.8 * deviation, 1.2 * deviation);
    }
}
