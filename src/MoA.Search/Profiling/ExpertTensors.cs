using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Search.Profiling;

/// <summary>What a chunk of rows works in where feed-forward networks are chosen among experts.</summary>
internal sealed class ExpertTensors : IDisposable
{
    /// <summary>Makes room for chunks of so many rows.</summary>
    public ExpertTensors(ComputeBackend backend, int rows, ExpertShape shape)
    {
        Work = new ExpertWork(backend, rows, shape);
        Gate = backend.Allocate(rows * shape.Used, shape.IntermediateSize);
    }

    /// <summary>The choice, and what the networks make.</summary>
    public ExpertWork Work { get; }

    /// <summary>[places, intermediate]: the gate before its activation, which <see cref="ExpertWork.Gate"/> holds, or its gradient.</summary>
    public Tensor Gate { get; }

    /// <summary>Bytes that it takes.</summary>
    public static long BytesOf(int rows, ExpertShape shape) =>
        ExpertWork.BytesOf(rows, shape) + sizeof(float) * (long)rows * shape.Used * shape.IntermediateSize;

    /// <inheritdoc/>
    public void Dispose()
    {
        Work.Dispose();
        Gate.Dispose();
    }
}
