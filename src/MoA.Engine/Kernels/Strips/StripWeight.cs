using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Strips;

/// <summary>A weight that is laid out in strips for products; its rows can still be read where they are stored.</summary>
internal sealed unsafe class StripWeight : WeightTensor, IDisposable
{
    private readonly NativeBuffer<byte> _memory;

    private StripWeight(WeightTensor weight, NativeBuffer<byte> memory)
        : base(weight.Name, weight.Type, weight.Rows, weight.Columns, weight.Data, weight.Exponents, weight.Step) => _memory = memory;

    /// <summary>The first strip.</summary>
    public byte* Strips => _memory.Data;

    /// <summary>Lays a weight out.</summary>
    public static StripWeight Create<TSimd, TVector, TFormat>(WeightTensor weight, WorkerPool pool, NativeAllocator allocator)
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TFormat : IStripFormat
    {
        int strips = StripLayout<TSimd, TVector, TFormat>.Strips(weight);
        NativeBuffer<byte> memory = new(allocator, strips * StripLayout<TSimd, TVector, TFormat>.StripBytes(weight), spread: true);
        Copy<TSimd, TVector, TFormat> copy = new(weight, memory.Data);
        pool.Run(ref copy, strips);
        return new StripWeight(weight, memory);
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private readonly struct Copy<TSimd, TVector, TFormat>(WeightTensor weight, byte* to) : IParallelJob
        where TSimd : ISimd<TVector>
        where TVector : struct
        where TFormat : IStripFormat
    {
        public void Run(int index, int worker) =>
            StripLayout<TSimd, TVector, TFormat>.Write(weight, index, to + index * StripLayout<TSimd, TVector, TFormat>.StripBytes(weight));
    }
}
