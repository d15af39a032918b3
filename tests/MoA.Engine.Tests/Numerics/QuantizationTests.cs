using System.Buffers.Binary;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Numerics;

/// <summary>
/// The quantised formats against a plain transcription of ggml's loops, which walk the bytes in their own order, and
/// against the error that so many bits allow.
/// </summary>
public sealed unsafe class QuantizationTests
{
    public static TheoryData<ElementType> Formats => [.. ElementTypes.All.Where(type => type.IsQuantized())];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Random_bytes_mean_what_ggml_says(ElementType type)
    {
        Random random = new((int)type);
        for (int trial = 0; trial < 200; trial++)
        {
            byte[] block = RandomBlock(type, random);
            float[] expected = Ggml(type, block);
            float[] scalar = new float[expected.Length];
            fixed (byte* bytes = block)
            fixed (float* values = scalar)
                Quantization.Dequantize(type, bytes, values, expected.Length);
            AssertClose(expected, scalar);
            foreach (InstructionSet set in Machine.All)
            {
                Widen widen = new(type, block, expected.Length);
                SimdDispatch.Run(set, widen);
                AssertClose(expected, widen.Values);
            }
        }
    }

    /// <summary>Root-mean-square error over that of the values, normally distributed.</summary>
    [Theory]
    [InlineData(ElementType.Q8_0, 0.006)]
    [InlineData(ElementType.Q6_K, 0.025)]
    [InlineData(ElementType.Q5_K, 0.045)]
    [InlineData(ElementType.Q4_K, 0.085)]
    [InlineData(ElementType.Q4_0, 0.10)]
    public void Error_is_what_the_bits_allow(ElementType type, double largest)
    {
        const int Count = 64 * 256;
        Random random = new(7);
        float[] values = [.. Enumerable.Range(0, Count).Select(_ => (float)(0.02 * Normal(random)))];
        float[] back = RoundTrip(type, values);
        double error = values.Zip(back, (x, y) => (double)(x - y) * (x - y)).Sum();
        double power = values.Sum(x => (double)x * x);
        Assert.InRange(Math.Sqrt(error / power), largest / 3, largest);
    }

    /// <summary>No value moves by more than its block's scale allows; Q4_0's range has one step less on one side.</summary>
    [Theory]
    [InlineData(ElementType.Q8_0, 127, 0.5)]
    [InlineData(ElementType.Q4_0, 8, 1.0)]
    public void Values_move_by_a_step_at_most(ElementType type, int levels, double steps)
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
        foreach (float constant in new[] { 0.5f, -0.5f, 0.03f })
        {
            float[] values = new float[256];
            Array.Fill(values, constant);
            Assert.All(RoundTrip(type, values), value => Assert.InRange(value / constant, 0.98f, 1.02f));
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

    private static byte[] RandomBlock(ElementType type, Random random)
    {
        byte[] block = new byte[type.BytesPerBlock()];
        random.NextBytes(block);
        // Factors: a sign and a moderate size; 1 in 8 subnormal.
        int[] factors = type switch
        {
            ElementType.Q4_K or ElementType.Q5_K => [0, 2],
            ElementType.Q6_K => [208],
            _ => [0],
        };
        foreach (int at in factors)
        {
            float factor = (float)(random.NextDouble() - 0.5) * (random.Next(8) == 0 ? 1e-5f : 0.1f);
            BinaryPrimitives.WriteHalfLittleEndian(block.AsSpan(at), (Half)factor);
        }

        return block;
    }

    // The loops of ggml-quants.c, dequantize_row_*.
    private static float[] Ggml(ElementType type, byte[] x)
    {
        float[] y = new float[type.ElementsPerBlock()];
        float d = (float)BinaryPrimitives.ReadHalfLittleEndian(x.AsSpan(type == ElementType.Q6_K ? 208 : 0));
        int at = 0;
        switch (type)
        {
            case ElementType.Q8_0:
                for (int j = 0; j < 32; j++)
                    y[j] = d * (sbyte)x[2 + j];
                break;
            case ElementType.Q4_0:
                for (int j = 0; j < 16; j++)
                    (y[j], y[j + 16]) = (((x[2 + j] & 0xF) - 8) * d, ((x[2 + j] >> 4) - 8) * d);
                break;
            case ElementType.Q4_K or ElementType.Q5_K:
                float min = (float)BinaryPrimitives.ReadHalfLittleEndian(x.AsSpan(2));
                bool five = type == ElementType.Q5_K;
                int ql = five ? 48 : 16, u1 = 1, u2 = 2;
                for (int j = 0, scale = 0; j < 256; j += 64, ql += 32, u1 <<= 2, u2 <<= 2)
                {
                    (int s1, int m1) = ScaleMin(scale++, x);
                    (int s2, int m2) = ScaleMin(scale++, x);
                    for (int l = 0; l < 32; l++)
                        y[at++] = d * s1 * ((x[ql + l] & 0xF) + (five && (x[16 + l] & u1) != 0 ? 16 : 0)) - min * m1;
                    for (int l = 0; l < 32; l++)
                        y[at++] = d * s2 * ((x[ql + l] >> 4) + (five && (x[16 + l] & u2) != 0 ? 16 : 0)) - min * m2;
                }

                break;
            default:
                for (int n = 0, low = 0, high = 128, sc = 192; n < 256; n += 128, low += 64, high += 32, sc += 8)
                {
                    for (int l = 0; l < 32; l++)
                    {
                        int i = l / 16;
                        int q1 = ((x[low + l] & 0xF) | (((x[high + l] >> 0) & 3) << 4)) - 32;
                        int q2 = ((x[low + l + 32] & 0xF) | (((x[high + l] >> 2) & 3) << 4)) - 32;
                        int q3 = ((x[low + l] >> 4) | (((x[high + l] >> 4) & 3) << 4)) - 32;
                        int q4 = ((x[low + l + 32] >> 4) | (((x[high + l] >> 6) & 3) << 4)) - 32;
                        y[n + l] = d * (sbyte)x[sc + i] * q1;
                        y[n + l + 32] = d * (sbyte)x[sc + i + 2] * q2;
                        y[n + l + 64] = d * (sbyte)x[sc + i + 4] * q3;
                        y[n + l + 96] = d * (sbyte)x[sc + i + 6] * q4;
                    }
                }

                break;
        }

        return y;
    }

    private static (int Scale, int Minimum) ScaleMin(int j, byte[] x)
    {
        ReadOnlySpan<byte> q = x.AsSpan(4, 12);
        return j < 4
            ? (q[j] & 63, q[j + 4] & 63)
            : ((q[j + 4] & 0xF) | ((q[j - 4] >> 6) << 4), (q[j + 4] >> 4) | ((q[j] >> 6) << 4));
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
