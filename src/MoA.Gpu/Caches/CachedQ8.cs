using ILGPU;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>Rows of Q8_0: signed bytes, a quad for sixteen of them, and a binary16 scale for 32, which two lanes share.</summary>
internal readonly struct CachedQ8 : ICacheFormat
{
    // With its sign bit inverted, a signed byte is an unsigned one that is 128 larger.
    private const uint Signs = 0x80808080;

    public static long QuadsOf(int rows, int headSize) => 2L * rows * (headSize / 16) + (2L * rows * (headSize / 32) + 7) / 8;

    public static int First(int lane) => 2 * lane;

    public static int Second(int lane, int headSize) => 2 * lane + 1;

    public static Sixteen Read(CacheMemory memory, CacheBlock block, int values, int slot, int lane)
    {
        Quad quad = memory.Quads[block.Start + Row(block, values, slot) * (memory.HeadSize / 16) + lane];
        return Unpack(quad, Bits.OfHalf(memory.Words[Scale(memory, block, values, slot, lane)]));
    }

    public static void Write(CacheMemory memory, CacheBlock block, int values, int slot, int lane, Sixteen numbers, bool store)
    {
        float scale = ScaleOf(numbers);
        if (!store)
            return;
        memory.Quads[block.Start + Row(block, values, slot) * (memory.HeadSize / 16) + lane] = Pack(numbers, scale);
        if (lane % 2 == 0)
            memory.Words[Scale(memory, block, values, slot, lane)] = Bits.RoundToHalf(scale);
    }

    public static Sixteen Round(Sixteen numbers)
    {
        float scale = ScaleOf(numbers);
        return Unpack(Pack(numbers, scale), Bits.OfHalf(Bits.RoundToHalf(scale)));
    }

    private static long Row(CacheBlock block, int values, int slot) =>
        (long)values * block.Rows + slot;

    private static long Scale(CacheMemory memory, CacheBlock block, int values, int slot, int lane)
    {
        long rows = 2L * block.Rows;
        return 8 * (block.Start + rows * (memory.HeadSize / 16)) + Row(block, values, slot) * (memory.HeadSize / 32) + lane / 2;
    }

    private static float ScaleOf(Sixteen numbers)
    {
        float largest = Math.Max(numbers.A.LargestMagnitude(), numbers.B.LargestMagnitude());
        return Math.Max(largest, Warp.ShuffleXor(largest, 1)) / 127;
    }

    private static Quad Pack(Sixteen numbers, float scale)
    {
        float inverse = scale == 0 ? 0 : 1 / scale;
        Octet a = numbers.A.Times(inverse), b = numbers.B.Times(inverse);
        return new Quad(Pack(a.A, a.B, a.C, a.D), Pack(a.E, a.F, a.G, a.H), Pack(b.A, b.B, b.C, b.D), Pack(b.E, b.F, b.G, b.H));
    }

    private static uint Pack(float a, float b, float c, float d) => Byte(a) | Byte(b) << 8 | Byte(c) << 16 | Byte(d) << 24;

    // The nearest integer, ties away from zero; below 128 in magnitude since the largest is 127 of the scale.
    private static uint Byte(float quant) => (uint)(int)(quant + (quant < 0 ? -0.5f : 0.5f)) & 0xFF;

    private static Sixteen Unpack(Quad quad, float scale) => new()
    {
        A = Octet.OfBytes(quad.X ^ Signs, quad.Y ^ Signs, 128).Times(scale),
        B = Octet.OfBytes(quad.Z ^ Signs, quad.W ^ Signs, 128).Times(scale),
    };
}
