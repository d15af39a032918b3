using ILGPU;
using ILGPU.Runtime;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>
/// All of a device's memory as one view, counted from address 0: each sequence takes and gives back memory of its own for its
/// caches, and a launch can work on any of them.
/// </summary>
internal sealed class CacheSpace : MemoryBuffer
{
    // More than a device can address, less than what overflows when counted in bytes.
    private const long AllQuads = 1L << 56;

    public CacheSpace(Accelerator accelerator)
        : base(accelerator, AllQuads, Interop.SizeOf<Quad>())
    {
        NativePtr = 0;
        Quads = new ArrayView<Quad>(this, 0, AllQuads);
    }

    /// <summary>Every address there can be.</summary>
    public ArrayView<Quad> Quads { get; }

    protected override void MemSet(AcceleratorStream stream, byte value, in ArrayView<byte> targetView) => throw NotOwned();

    protected override void CopyFrom(AcceleratorStream stream, in ArrayView<byte> sourceView, in ArrayView<byte> targetView) => throw NotOwned();

    protected override void CopyTo(AcceleratorStream stream, in ArrayView<byte> sourceView, in ArrayView<byte> targetView) => throw NotOwned();

    protected override void DisposeAcceleratorObject(bool disposing)
    {
    }

    private static NotSupportedException NotOwned() => new("Memory is copied by what it belongs to.");
}
