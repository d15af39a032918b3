using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>A weight in memory of a backend's own, in the format it is stored in; freed when disposed.</summary>
internal sealed unsafe class CopiedWeight : WeightTensor, IDisposable
{
    private readonly NativeBuffer<byte> _memory;

    private CopiedWeight(WeightTensor source, NativeBuffer<byte> memory)
        : base(source.Name, source.Type, source.Rows, source.Columns, memory.Data) => _memory = memory;

    /// <summary>Room for a weight, not filled.</summary>
    /// <param name="source">The weight.</param>
    /// <param name="allocator">Counts the bytes.</param>
    /// <exception cref="OutOfMemoryException">The memory is not to be had.</exception>
    public static CopiedWeight RoomFor(WeightTensor source, NativeAllocator allocator) =>
        new(source, new NativeBuffer<byte>(allocator, source.Bytes, spread: true));

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
