using ILGPU;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>The memory of all caches, and the shape of their rows.</summary>
internal struct CacheMemory
{
    public ArrayView<Quad> Quads;

    /// <summary>The same memory as 16-bit words.</summary>
    public ArrayView<ushort> Words;

    public int HeadSize;

    public static CacheMemory Of(ArrayView<Quad> memory, int headSize) =>
        new() { Quads = memory, Words = memory.Cast<ushort>(), HeadSize = headSize };
}
