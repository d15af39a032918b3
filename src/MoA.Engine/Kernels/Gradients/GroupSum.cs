using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// Adds up what the query heads of a group contribute to the gradients of their KV head, in the order of the heads; the
/// sums replace keys and values.
/// </summary>
internal readonly unsafe struct GroupSum<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int RowsPerItem = 16;

    private readonly AttentionGradientInputs _inputs;

    public GroupSum(AttentionGradientInputs inputs) => _inputs = inputs;

    /// <summary>Number of items.</summary>
    public int Items => (_inputs.Shape.Rows + RowsPerItem - 1) / RowsPerItem;

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        int last = Math.Min((index + 1) * RowsPerItem, _inputs.Shape.Rows);
        for (int row = index * RowsPerItem; row < last; row++)
        {
            for (int head = 0; head < _inputs.Shape.KeyValueHeads; head++)
            {
                Sum(_inputs.KeyGradients, row, head, _inputs.Key(row, head));
                Sum(_inputs.ValueGradients, row, head, _inputs.Value(row, head));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Sum(float* headGradients, int row, int keyValueHead, float* sum)
    {
        AttentionShape shape = _inputs.Shape;
        nint offset = _inputs.HeadOffset(keyValueHead * shape.Group) + (nint)row * _inputs.PaddedHeadSize;
        float* first = headGradients + offset;
        nint stride = _inputs.HeadOffset(1);
        int d = 0;
        for (; d <= shape.HeadSize - TSimd.Width; d += TSimd.Width)
        {
            TVector value = TSimd.Load(first + d);
            for (int head = 1; head < shape.Group; head++)
                value = TSimd.Add(value, TSimd.Load(first + head * stride + d));
            TSimd.Store(sum + d, value);
        }

        for (; d < shape.HeadSize; d++)
        {
            float value = first[d];
            for (int head = 1; head < shape.Group; head++)
                value += first[head * stride + d];
            sum[d] = value;
        }
    }
}
