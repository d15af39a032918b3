using ILGPU;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>Rows of bfloat16 numbers; a quad is an octet.</summary>
internal readonly struct CachedBF16 : ICacheFormat
{
    public static long QuadsOf(int rows, int headSize) => 2L * rows * (headSize / 8);

    public static int First(int lane) => lane;

    public static int Second(int lane, int headSize) => lane + headSize / 16;

    public static Sixteen Read(CacheMemory memory, CacheBlock block, int values, int slot, int lane)
    {
        long row = Row(memory, block, values, slot);
        return new Sixteen
        {
            A = Octet.OfBF16(memory.Quads[row + First(lane)]),
            B = Octet.OfBF16(memory.Quads[row + Second(lane, memory.HeadSize)]),
        };
    }

    public static void Write(CacheMemory memory, CacheBlock block, int values, int slot, int lane, Sixteen numbers, bool store)
    {
        if (!store)
            return;
        long row = Row(memory, block, values, slot);
        memory.Quads[row + First(lane)] = numbers.A.ToBF16();
        memory.Quads[row + Second(lane, memory.HeadSize)] = numbers.B.ToBF16();
    }

    public static Sixteen Round(Sixteen numbers) =>
        new() { A = Octet.OfBF16(numbers.A.ToBF16()), B = Octet.OfBF16(numbers.B.ToBF16()) };

    private static long Row(CacheMemory memory, CacheBlock block, int values, int slot) =>
        block.Start + ((long)values * block.Rows + slot) * (memory.HeadSize / 8);
}
