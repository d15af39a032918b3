using FsCheck;
using FsCheck.Fluent;
using ILGPU;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Gpu.Caches;
using MoA.Gpu.Kernels;
using MoA.Tests;

namespace MoA.Gpu.Tests.Kernels;

/// <summary>Rows in the caches' memory against the engine's <see cref="HeadCache"/>, and rounding against its formats.</summary>
public sealed class CacheTests
{
    [Fact]
    public void Slots_hold_what_the_engines_cache_holds()
    {
        Gen<(ElementType Type, int Heads, int Size, HeadLayout Layout, int Length, int Cut, int Seed)> cases =
            from type in Gen.Elements(ElementType.BF16, ElementType.Q8_0)
            from heads in Gen.Choose(1, 3)
            from size in Gen.Elements(32, 64, 96, 128, 256)
            from layout in Gen.OneOf(Gen.Choose(2, 4).Select(blocks => HeadLayout.Of(64 * blocks, int.MaxValue)), Gen.Choose(1, 200).Select(window => HeadLayout.Of(window, window)))
            from length in Gen.Choose(1, 300)
            from cut in Gen.Choose(0, length)
            from seed in Gen.Choose(0, int.MaxValue)
            select (type, heads, size, layout, length, cut, seed);
        Prop.ForAll(cases.ToArbitrary(), c => Check(c.Type, c.Heads, c.Size, c.Layout, c.Length, c.Cut, c.Seed)).Holds(12);
    }

    [Theory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.Q8_0)]
    public void Rounding_is_that_of_the_format(ElementType type)
    {
        HeadRows rows = HeadRows.Random(4, 5, 2, 2, 96);
        float[] numbers = rows.Queries;
        Array.Clear(numbers, 0, 96);
        using Emulated device = new();
        ArrayView<Quad> rounded = device.Rows(numbers, 96);
        if (type == ElementType.BF16)
            Round<CachedBF16>();
        else
            Round<CachedQ8>();
        Assert.Equal((rows with { Keys = numbers }).RoundedTo(type).Keys, Emulated.Read(rounded, 96));

        void Round<TFormat>()
            where TFormat : struct, ICacheFormat
        {
            CacheRounding<TFormat> kernel = new() { X = rounded, HeadSize = 96 };
            device.Session.RunThreads(kernel, kernel.Threads);
        }
    }

    /// <summary>Every binary16 number, what lies halfway to the next, and its neighbours.</summary>
    [Fact]
    public void Halves_are_the_nearest_ties_to_even()
    {
        for (ushort bits = 0; bits < 0x7C00; bits++)
        {
            float number = (float)BitConverter.UInt16BitsToHalf(bits);
            float next = bits == 0x7BFF ? 65536 : (float)BitConverter.UInt16BitsToHalf((ushort)(bits + 1)), halfway = (number + next) / 2;
            foreach (float value in (float[])[number, float.BitDecrement(halfway), halfway, float.BitIncrement(halfway)])
                Assert.Equal(BitConverter.HalfToUInt16Bits((System.Half)value), Bits.RoundToHalf(value));
        }

        Assert.Equal(0x7C00, Bits.RoundToHalf(1e30f));
    }

    [Theory]
    [InlineData(ElementType.F32, 64, "caches in f32 do not run on a GPU: expected bf16 or q8_0")]
    [InlineData(ElementType.BF16, 72, "heads of 72 do not run on a GPU with caches in bf16: expected a multiple of 16, 256 at most")]
    [InlineData(ElementType.Q8_0, 48, "heads of 48 do not run on a GPU with caches in q8_0: expected a multiple of 32, 256 at most")]
    [InlineData(ElementType.BF16, 512, "heads of 512 do not run on a GPU with caches in bf16: expected a multiple of 16, 256 at most")]
    public void What_does_not_run_is_refused_by_name(ElementType type, int headSize, string message) =>
        Assert.Equal(message, Assert.Throws<InvalidInputException>(() => DeviceAttention.Check(type, headSize)).Message);

    private static unsafe void Check(ElementType type, int heads, int size, HeadLayout layout, int length, int cut, int seed)
    {
        HeadRows rows = HeadRows.Random(seed, length, heads, heads, size);
        using Emulated device = new();
        CachedBatch batch = new(device, type, [rows], [.. Enumerable.Repeat(layout, heads)]);
        batch.Write(0, 0, cut);
        batch.Write(0, cut, length);
        byte[] memory = Emulated.Read(batch.Memory.Quads.Cast<byte>());
        NativeAllocator allocator = new();
        for (int head = 0; head < heads; head++)
        {
            using HeadCache expected = new(allocator, type, size, layout);
            long start = batch.Blocks[head].Start * 16;
            Assert.Equal((expected.Bytes + 15) / 16 * 16 * heads, memory.Length); // whole quads
            for (int position = 0; position < length; position++)
            {
                bool held = expected.NextHeld(position, length) == position;
                int at = (position * heads + head) * size;
                fixed (float* key = &rows.Keys[at], value = &rows.Values[at])
                    expected.Write<SimdScalar, float>(position, key, value);
                if (!held)
                    continue;
                int slot = expected.Slot(position);
                AssertRow(expected.Keys, 0);
                AssertRow(expected.Values, 1);

                void AssertRow(byte* stored, int values)
                {
                    long row = (long)values * expected.Rows + slot;
                    byte* from = stored + (nint)slot * expected.BytesPerRow;
                    if (type == ElementType.BF16)
                    {
                        Assert.True(new ReadOnlySpan<byte>(from, 2 * size).SequenceEqual(memory.AsSpan((int)(start + row * 2 * size), 2 * size)));
                        return;
                    }

                    for (int block = 0; block < size / 32; block++, from += BlockQ8.Bytes)
                    {
                        int scale = (int)(start + 2L * expected.Rows * size + (row * (size / 32) + block) * 2);
                        Assert.True(new ReadOnlySpan<byte>(from, 2).SequenceEqual(memory.AsSpan(scale, 2)));
                        Assert.True(new ReadOnlySpan<byte>(from + 2, 32).SequenceEqual(memory.AsSpan((int)(start + row * size + 32 * block), 32)));
                    }
                }
            }
        }
    }
}
