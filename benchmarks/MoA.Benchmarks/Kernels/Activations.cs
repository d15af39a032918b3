using MoA.Engine.Kernels;
using MoA.Engine.Numerics;

namespace MoA.Benchmarks.Kernels;

/// <summary>Tensors with numbers to compute on.</summary>
internal static unsafe class Activations
{
    /// <summary>Numbers between -1 and 1.</summary>
    public static Tensor Random(ComputeBackend backend, int rows, int columns)
    {
        Tensor tensor = backend.Allocate(rows, columns);
        Random random = new(1);
        foreach (ref float value in new Span<float>(tensor.Data, rows * columns))
            value = 2 * random.NextSingle() - 1;
        return tensor;
    }

    /// <summary>One number everywhere.</summary>
    public static Tensor Constant(ComputeBackend backend, int rows, int columns, float value)
    {
        Tensor tensor = backend.Allocate(rows, columns);
        new Span<float>(tensor.Data, rows * columns).Fill(value);
        return tensor;
    }
}
