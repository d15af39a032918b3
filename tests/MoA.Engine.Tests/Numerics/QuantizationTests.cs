using MoA.Engine.Files;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Numerics;

/// <summary>
/// The quantised formats against what llama.cpp's own library reads in random blocks and makes of random numbers, and against the
/// error that so many bits allow.
/// </summary>
public sealed unsafe class QuantizationTests
{
    public static TheoryData<ElementType> Formats => [.. ElementTypes.All.Where(type => type.IsQuantized())];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Random_bytes_mean_what_ggml_says(ElementType type)
    {
        using SafetensorsFile fixture = OpenFixture();
        byte[] blocks = Bytes(fixture, $"{type.Name()}.blocks");
        float[] expected = fixture.ReadFloats($"{type.Name()}.values");
        int elements = type.ElementsPerBlock();
        float[] scalar = Dequantize(type, blocks);
        Assert.Equal(expected.Length, scalar.Length);
        for (int i = 0; i < expected.Length; i += elements)
            AssertClose(expected[i..(i + elements)], scalar[i..(i + elements)]);
        foreach (InstructionSet set in Machine.All)
        {
            Widen widen = new(type, blocks, expected.Length);
            SimdDispatch.Run(set, widen);
            for (int i = 0; i < expected.Length; i += elements)
                AssertClose(expected[i..(i + elements)], widen.Values[i..(i + elements)]);
        }
    }

    /// <summary>
    /// The error is no larger than that of ggml's own quantisers, but for 3 %.
    /// </summary>
    [Theory]
    [MemberData(nameof(Formats))]
    public void Numbers_are_met_as_well_as_ggml_does(ElementType type)
    {
        using SafetensorsFile fixture = OpenFixture();
        float[] source = fixture.ReadFloats("source");
        double theirs = Error(source, Dequantize(type, Bytes(fixture, $"{type.Name()}.quantized")));
        Assert.InRange(Error(source, RoundTrip(type, source)), 0, 1.03 * theirs);
    }

    /// <summary>Root-mean-square error over that of the values, normally distributed.</summary>
    [Theory]
    [InlineData(ElementType.Q8_0, 0.006)]
    [InlineData(ElementType.Q6_K, 0.025)]
    [InlineData(ElementType.Q5_K, 0.045)]
    [InlineData(ElementType.Q4_K, 0.085)]
    [InlineData(ElementType.Q4_0, 0.10)]
    [InlineData(ElementType.Q4_1, 0.10)]
    [InlineData(ElementType.Q5_0, 0.05)]
    [InlineData(ElementType.Q5_1, 0.05)]
    [InlineData(ElementType.Q3_K, 0.18)]
    [InlineData(ElementType.Q2_K, 0.35)]
    [InlineData(ElementType.IQ4_NL, 0.09)]
    [InlineData(ElementType.IQ4_XS, 0.09)]
    [InlineData(ElementType.MXFP4, 0.13)]
    public void Error_is_what_the_bits_allow(ElementType type, double largest)
    {
        const int Count = 64 * 256;
        Random random = new(7);
        float[] values = [.. Enumerable.Range(0, Count).Select(_ => (float)(0.02 * Normal(random)))];
        float[] back = RoundTrip(type, values);
        Assert.InRange(Error(values, back), largest / 3, largest);
    }

    /// <summary>No value moves by more than its block's scale allows; the ranges of Q4_0 and Q5_0 have one step less on one side.</summary>
    [Theory]
    [InlineData(ElementType.Q8_0, 127, 0.5)]
    [InlineData(ElementType.Q4_0, 8, 1.0)]
    [InlineData(ElementType.Q5_0, 16, 1.0)]
    [InlineData(ElementType.Q4_1, 7.5, 0.5)]
    [InlineData(ElementType.Q5_1, 15.5, 0.5)]
    public void Values_move_by_a_step_at_most(ElementType type, double levels, double steps)
    {
        Random random = new(3);
        for (int trial = 0; trial < 500; trial++)
        {
            float magnitude = MathF.Pow(10, random.Next(-1, 4));
            float[] values = [.. Enumerable.Range(0, 32).Select(_ => magnitude * (float)(2 * random.NextDouble() - 1))];
            float[] back = RoundTrip(type, values);
            double step = values.Max(MathF.Abs) / levels;
            for (int i = 0; i < values.Length; i++)
                Assert.True(Math.Abs(values[i] - back[i]) <= (steps + 0.001 * levels) * step);
        }
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Zeros_and_constants_survive(ElementType type)
    {
        Assert.All(RoundTrip(type, new float[256]), value => Assert.Equal(0f, value));
        float off = type == ElementType.MXFP4 ? 0.2f : 0.02f; // floats without a scale between powers of two: 4 and 6 are neighbours
        foreach (float constant in new[] { 0.5f, -0.5f, 0.03f })
        {
            float[] values = new float[256];
            Array.Fill(values, constant);
            Assert.All(RoundTrip(type, values), value => Assert.InRange(value / constant, 1 - off, 1 + off));
        }
    }

    /// <summary>Hand-worked: scale 0.5; quants 1, -2, 0 … for Q8_0; nibbles 0 to 15 for Q4_0.</summary>
    [Fact]
    public void Small_blocks_by_hand()
    {
        byte[] q8 = new byte[34];
        (q8[0], q8[1], q8[2], q8[3]) = (0x00, 0x38, 1, 0xFE);
        Assert.Equal([0.5f, -1f, 0f], Dequantize(ElementType.Q8_0, q8)[..3]);
        byte[] q4 = new byte[18];
        (q4[0], q4[1]) = (0x00, 0x38);
        for (int i = 0; i < 16; i++)
            q4[2 + i] = (byte)(i | ((15 - i) << 4));
        Assert.Equal([.. Enumerable.Range(0, 16).Select(i => 0.5f * (i - 8)), .. Enumerable.Range(0, 16).Select(i => 0.5f * (7 - i))],
            Dequantize(ElementType.Q4_0, q4));
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        float largest = expected.Max(MathF.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= 1e-6f * largest, $"[{i}]: {expected[i]} became {actual[i]}");
    }

    private static float[] RoundTrip(ElementType type, float[] values)
    {
        byte[] stored = new byte[type.RowBytes(values.Length)];
        fixed (float* source = values)
        fixed (byte* destination = stored)
            Quantization.Quantize(source, type, destination, values.Length);
        return Dequantize(type, stored);
    }

    private static float[] Dequantize(ElementType type, byte[] stored)
    {
        float[] values = new float[stored.Length / type.BytesPerBlock() * type.ElementsPerBlock()];
        fixed (byte* source = stored)
        fixed (float* destination = values)
            Quantization.Dequantize(type, source, destination, values.Length);
        return values;
    }

    private static SafetensorsFile OpenFixture() => SafetensorsFile.Open(RepositoryFiles.Fixture("formats", "formats.safetensors"));

    private static byte[] Bytes(SafetensorsFile file, string name) => new ReadOnlySpan<byte>(file[name].Data, (int)file[name].Length).ToArray();

    /// <summary>Root-mean-square error over that of the values.</summary>
    private static double Error(float[] values, float[] back)
    {
        Assert.Equal(values.Length, back.Length);
        double error = values.Zip(back, (x, y) => (double)(x - y) * (x - y)).Sum();
        return Math.Sqrt(error / values.Sum(x => (double)x * x));
    }

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private sealed class Widen(ElementType type, byte[] stored, int count) : ISimdAction
    {
        public float[] Values { get; } = new float[count];

        public void Run<TSimd, TVector>()
            where TSimd : ISimd<TVector>
            where TVector : struct
        {
            fixed (byte* source = stored)
            fixed (float* destination = Values)
                NumberFormat<TSimd, TVector>.Widen(type, source, destination, Values.Length);
        }
    }
}
