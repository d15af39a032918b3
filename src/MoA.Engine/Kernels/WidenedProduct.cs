using MoA.Engine.Kernels.Strips;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// The definition of C[m, n] (+)= A[m, k]·W': a row of the weight is widened to floats, then multiplied. Items are rows of the
/// weight.
/// </summary>
internal readonly unsafe struct WidenedProduct(WorkerScratch scratch, float* a, RowGroups order, StripTarget target, bool accumulate)
    : IParallelJob
{
    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        WeightTensor weight = target.Weight;
        int depth = weight.Columns;
        float* row = scratch.Floats(worker, depth + weight.RoomBytes(depth) / sizeof(float) + 1);
        Quantization.Dequantize(weight.Type, weight.Blocks(index, 0, depth, (byte*)(row + depth)), row, depth);
        for (int m = 0; m < target.Rows; m++)
        {
            float* sum = target.Output + (nint)m * weight.Rows + index;
            float product = Dot.Run<SimdScalar, float>(a + (nint)order.Source(target.FirstRow + m) * depth, row, depth);
            *sum = accumulate ? *sum + product : product;
        }
    }
}
