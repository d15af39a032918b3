using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Strips;

/// <summary>A weight that is laid out in strips for products; its rows can still be read where they are stored.</summary>
internal sealed unsafe class StripWeight : WeightTensor, IDisposable
{
    private readonly NativeBuffer<byte> _memory;

    private StripWeight(WeightTensor weight, NativeBuffer<byte> memory)
        : base(weight.Name, weight.Type, weight.Rows, weight.Columns, weight.Data) => _memory = memory;

    /// <summary>The first strip.</summary>
    public byte* Strips => _memory.Data;

    /// <summary>Lays a weight out.</summary>
    public static StripWeight Create<TFormat>(WeightTensor weight, int lanes, WorkerPool pool, NativeAllocator allocator)
        where TFormat : IStripFormat
    {
        int strips = StripLayout<TFormat>.Strips(weight, lanes);
        NativeBuffer<byte> memory = new(allocator, strips * StripLayout<TFormat>.StripBytes(weight, lanes), spread: true);
        Copy<TFormat> copy = new(weight, lanes, memory.Data);
        pool.Run(ref copy, strips);
        return new StripWeight(weight, memory);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private readonly struct Copy<TFormat>(WeightTensor weight, int lanes, byte* to) : IParallelJob
        where TFormat : IStripFormat
    {
        public void Run(int index, int worker) =>
            StripLayout<TFormat>.Write(weight, index, lanes, to + index * StripLayout<TFormat>.StripBytes(weight, lanes));
    }
}
