using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Numerics;

namespace MoA.Engine.Tests.KvCache;

/// <summary>Rows as a cache stores them, against the scalar definition of the formats.</summary>
public sealed unsafe class RowFormatTests
{
    private const int Count = 4096;

    [Theory]
    [MemberData(nameof(Machine.InstructionSets), MemberType = typeof(Machine))]
    internal void Every_width_writes_the_bytes_of_the_definition(InstructionSet set) => SimdDispatch.Run(set, new Writes());

    [Theory]
    [MemberData(nameof(Machine.InstructionSets), MemberType = typeof(Machine))]
    internal void A_rounded_row_is_what_would_be_read_back_and_stays_what_it_is(InstructionSet set) =>
        SimdDispatch.Run(set, new Rounds());

    private static float[] Numbers()
    {
        Random random = new(11);
        float[] numbers = new float[Count];
        for (int i = 0; i < Count; i++)
            numbers[i] = (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-6, 4)));
        numbers.AsSpan(32, 32).Clear();
        // Halves and their neighbours: a block of scale 1 rounds away from zero.
        for (int i = 0; i < 32; i++)
            numbers[64 + i] = i % 2 == 0 ? i - 15.5f : MathF.BitDecrement(i - 15.5f);
        numbers[64] = 127;
        return numbers;
    }

    private readonly struct Writes : ISimdAction
    {
        public void Run<TSimd, TVector>()
            where TSimd : ISimd<TVector>
            where TVector : struct
        {
            float[] numbers = Numbers();
            foreach (ElementType type in (ElementType[])[ElementType.F32, ElementType.BF16, ElementType.Q8_0])
            {
                byte[] expected = new byte[type.RowBytes(Count)], actual = new byte[type.RowBytes(Count)];
                fixed (float* from = numbers)
                fixed (byte* definition = expected, row = actual)
                {
                    Quantization.Quantize(from, type, definition, Count);
                    RowFormat<TSimd, TVector>.Write(from, type, row, Count);
                }

                Assert.Equal(expected, actual);
            }
        }
    }

    private readonly struct Rounds : ISimdAction
    {
        public void Run<TSimd, TVector>()
            where TSimd : ISimd<TVector>
            where TVector : struct
        {
            foreach (ElementType type in (ElementType[])[ElementType.F32, ElementType.BF16, ElementType.Q8_0])
            {
                float[] numbers = Numbers(), expected = new float[Count];
                byte[] stored = new byte[type.RowBytes(Count)], again = new byte[type.RowBytes(Count)];
                fixed (float* row = numbers, definition = expected)
                fixed (byte* first = stored, second = again)
                {
                    Quantization.Quantize(row, type, first, Count);
                    Quantization.Dequantize(type, first, definition, Count);
                    RowFormat<TSimd, TVector>.Round(row, type, Count);
                    RowFormat<TSimd, TVector>.Write(row, type, second, Count);
                }

                Assert.Equal(expected, numbers);
                Assert.Equal(stored, again);
            }
        }
    }
}
