using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Numerics;

/// <summary>Conversions between stored formats and floats, against .NET's Half and rounding done in decimal steps.</summary>
public sealed class NumberFormatTests
{
    public static IEnumerable<object?[]> Sets => Machine.InstructionSets;

    [Theory]
    [MemberData(nameof(Sets))]
    internal void Every_finite_f16_pattern_widens_exactly(InstructionSet set)
    {
        ushort[] patterns = [.. Enumerable.Range(0, 65_536).Select(bits => (ushort)bits).Where(IsFinite)];
        Assert.Equal(2 * 31 * 1024, patterns.Length);
        // An odd start puts every pattern through other lanes and through the tail.
        foreach (int start in new[] { 0, 1, 7, patterns.Length - 5 })
        {
            ushort[] stored = patterns[start..];
            float[] widened = Convert(set, format => format.Widen(ElementType.F16, stored));
            for (int i = 0; i < stored.Length; i++)
                AssertSameBits((float)BitConverter.UInt16BitsToHalf(stored[i]), widened[i]);
        }

        static bool IsFinite(ushort bits) => Half.IsFinite(BitConverter.UInt16BitsToHalf(bits));
    }

    [Theory]
    [MemberData(nameof(Sets))]
    internal void Every_bf16_pattern_widens_to_the_upper_half_of_a_float(InstructionSet set)
    {
        ushort[] patterns = [.. Enumerable.Range(0, 65_536).Select(bits => (ushort)bits)];
        float[] widened = Convert(set, format => format.Widen(ElementType.BF16, patterns));
        for (int i = 0; i < patterns.Length; i++)
            Assert.Equal((uint)i << 16, BitConverter.SingleToUInt32Bits(widened[i]));
    }

    /// <summary>The nearer of the two neighbours with 16 bits, measured in exact arithmetic; ties to the even one.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    internal void Bf16_rounds_to_nearest_and_ties_to_even(InstructionSet set)
    {
        Random random = new(2);
        List<float> values = [0f, -0f, 1f, 1.00390625f, 1.01171875f, -1.00390625f, -1.01171875f, 1e-40f, -3e-39f, 3e38f];
        for (int i = 0; i < 30_000; i++)
        {
            uint bits = (uint)random.NextInt64(0x7F00_0000) | (random.Next(2) == 0 ? 0u : 0x8000_0000u);
            if (i % 3 == 0)
                bits = (bits & 0xFFFF_0000u) | 0x8000u; // exactly between two neighbours
            values.Add(BitConverter.UInt32BitsToSingle(bits));
        }

        float[] source = [.. values];
        float[] narrowed = Convert(set, format => format.Widen(ElementType.BF16, format.Narrow(source)));
        float[] rounded = Convert(set, format => format.Round(source));
        for (int i = 0; i < source.Length; i++)
        {
            AssertSameBits(NearestBF16(source[i]), narrowed[i]);
            AssertSameBits(narrowed[i], rounded[i]);
        }
    }

    private static float NearestBF16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        uint below = bits & 0xFFFF_0000u, above = below + 0x1_0000u; // by magnitude
        double toBelow = Math.Abs((double)value - BitConverter.UInt32BitsToSingle(below));
        double toAbove = Math.Abs((double)BitConverter.UInt32BitsToSingle(above) - value);
        bool up = toAbove < toBelow || (toAbove == toBelow && (below & 0x1_0000u) != 0);
        return BitConverter.UInt32BitsToSingle(up ? above : below);
    }

    private static void AssertSameBits(float expected, float actual) =>
        Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(actual));

    private static float[] Convert(InstructionSet set, Func<IFormat, float[]> convert)
    {
        Conversion action = new(convert);
        SimdDispatch.Run(set, action);
        return action.Result;
    }

    private interface IFormat
    {
        float[] Widen(ElementType type, ushort[] stored);

        ushort[] Narrow(float[] values);

        float[] Round(float[] values);
    }

    private sealed class Conversion(Func<IFormat, float[]> convert) : ISimdAction
    {
        public float[] Result { get; private set; } = [];

        public void Run<TSimd, TVector>()
            where TSimd : ISimd<TVector>
            where TVector : struct => Result = convert(new Format<TSimd, TVector>());
    }

    private sealed unsafe class Format<TSimd, TVector> : IFormat
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        public float[] Widen(ElementType type, ushort[] stored)
        {
            float[] result = new float[stored.Length];
            fixed (ushort* from = stored)
            fixed (float* to = result)
                NumberFormat<TSimd, TVector>.Widen(type, from, to, stored.Length);
            return result;
        }

        public ushort[] Narrow(float[] values)
        {
            ushort[] result = new ushort[values.Length];
            fixed (float* from = values)
            fixed (ushort* to = result)
                NumberFormat<TSimd, TVector>.Narrow(from, ElementType.BF16, to, values.Length);
            return result;
        }

        public float[] Round(float[] values)
        {
            float[] result = [.. values];
            fixed (float* inPlace = result)
                NumberFormat<TSimd, TVector>.Round(inPlace, values.Length);
            return result;
        }
    }
}
