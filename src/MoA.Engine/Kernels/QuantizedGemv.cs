using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Product of a quantised weight with few rows, C[m, n] (+)= A[m, k]·W': the activations are rounded to integers, multiplied
/// as such within a group, and scaled and added up in floats. Four weight rows by one row of A, or one by four, at a time:
/// what is loaded or unpacked serves several products, and independent sums hide the latency of each other's additions.
/// Items are blocks of weight rows.
/// </summary>
internal readonly unsafe struct QuantizedGemv<TKernel> : IParallelJob
    where TKernel : IQuantizedKernel
{
    private const int RowsAtOnce = WeightRowItems.RowsAtOnce;

    private readonly QuantizedRows<TKernel> _a;
    private readonly WeightTensor _weight;
    private readonly WeightRowItems _items;
    private readonly float* _c;
    private readonly int _rows;
    private readonly bool _accumulate;

    private QuantizedGemv(
        in QuantizedRows<TKernel> a, int rows, WeightTensor weight, in WeightRowItems items, float* c, bool accumulate)
    {
        _items = items;
        _a = a;
        _rows = rows;
        _weight = weight;
        _c = c;
        _accumulate = accumulate;
    }

    /// <summary>Computes C[rows, n] (+)= A[rows, k]·W', A and C dense row-major.</summary>
    public static void Multiply(
        WorkerPool pool, WorkerScratch scratch, float* a, int rows, WeightTensor weight, float* c, bool accumulate)
    {
        QuantizedRows<TKernel> rounded = new(a, rows, weight.Columns, scratch);
        pool.Run(ref rounded, rounded.Items);
        WeightRowItems items = new(weight.Rows, pool.Threads);
        QuantizedGemv<TKernel> product = new(rounded, rows, weight, items, c, accumulate);
        pool.Run(ref product, items.Count);
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        float* sums = stackalloc float[RowsAtOnce];
        int end = _items.End(index);
        for (int n = _items.First(index); n < end; n += RowsAtOnce)
        {
            int columns = Math.Min(RowsAtOnce, end - n);
            int m = 0;
            for (; m <= _rows - RowsAtOnce; m += RowsAtOnce)
            {
                for (int j = 0; j < columns; j++)
                {
                    TKernel.OneByFour(_weight.Row(n + j), _a.Row(m), _a.RowBytes, _weight.Columns, sums);
                    for (int i = 0; i < RowsAtOnce; i++)
                        Store(m + i, n + j, sums[i]);
                }
            }

            for (; m < _rows; m++)
            {
                // Past the end the last row is multiplied again, and the product is not used.
                TKernel.FourByOne(_weight.Row(n), _weight.Row(n + Math.Min(1, columns - 1)),
                    _weight.Row(n + Math.Min(2, columns - 1)), _weight.Row(n + columns - 1), _weight.Row(_items.After(index, n)),
                    _a.Row(m), _weight.Columns, sums);
                for (int j = 0; j < columns; j++)
                    Store(m, n + j, sums[j]);
            }
        }
    }

    private void Store(int m, int n, float sum)
    {
        float* c = _c + (nint)m * _weight.Rows + n;
        *c = _accumulate ? *c + sum : sum;
    }
}
