using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Product of a stored weight with few rows, C[m, n] (+)= A[m, k]·W': bound by reading the weight, so each weight row is
/// read from memory once and used for all rows of A while it is in cache. Four weight rows by one row of A, or two by four:
/// a loaded vector of either serves several products. Both add in the same order, so that a row of C does not depend on how many
/// rows there are. Items are blocks of weight rows.
/// </summary>
internal readonly unsafe struct Gemv<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>The most rows for which this is used rather than <see cref="Gemm{TSimd,TVector}"/>.</summary>
    public const int MaximumRows = 24;

    private const int RowsAtOnce = WeightRowItems.RowsAtOnce;

    private readonly WeightTensor _weight;
    private readonly float* _a;
    private readonly float* _c;
    private readonly int _rows;
    private readonly bool _accumulate;
    private readonly WorkerScratch _scratch;
    private readonly WeightRowItems _items;

    private Gemv(WorkerPool pool, WorkerScratch scratch, float* a, int rows, WeightTensor weight, float* c, bool accumulate)
    {
        _items = new WeightRowItems(weight.Rows, pool.Threads);
        _scratch = scratch;
        _weight = weight;
        _a = a;
        _c = c;
        _rows = rows;
        _accumulate = accumulate;
    }

    /// <summary>Computes C[rows, n] (+)= A[rows, k]·W', A and C dense row-major.</summary>
    public static void Multiply(
        WorkerPool pool, WorkerScratch scratch, float* a, int rows, WeightTensor weight, float* c, bool accumulate)
    {
        switch (weight.Type)
        {
            case ElementType.Q8_0 when TSimd.Width > 1:
                QuantizedGemv<KernelQ8>.Multiply(pool, scratch, a, rows, weight, c, accumulate);
                break;
            case ElementType.Q4_0 when TSimd.Width > 1:
                QuantizedGemv<KernelQ4>.Multiply(pool, scratch, a, rows, weight, c, accumulate);
                break;
            case ElementType.Q4_K when TSimd.Width > 1:
                QuantizedGemv<SuperBlockKernel<BlockQ4K>>.Multiply(pool, scratch, a, rows, weight, c, accumulate);
                break;
            case ElementType.Q5_K when TSimd.Width > 1:
                QuantizedGemv<SuperBlockKernel<BlockQ5K>>.Multiply(pool, scratch, a, rows, weight, c, accumulate);
                break;
            case ElementType.Q6_K when TSimd.Width > 1:
                QuantizedGemv<SuperBlockKernel<BlockQ6K>>.Multiply(pool, scratch, a, rows, weight, c, accumulate);
                break;
            case ElementType.BF16:
                InterleavedRows pairs = new(a, rows, weight.Columns, TSimd.Width, scratch);
                pool.Run(ref pairs, rows);
                new Gemv<TSimd, TVector>(pool, scratch, pairs.Rows, rows, weight, c, accumulate).Run(pool);
                break;
            default:
                new Gemv<TSimd, TVector>(pool, scratch, a, rows, weight, c, accumulate).Run(pool);
                break;
        }
    }

    private void Run(WorkerPool pool)
    {
        Gemv<TSimd, TVector> product = this;
        pool.Run(ref product, _items.Count);
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        switch (_weight.Type)
        {
            case ElementType.F32:
                Multiply<StoredF32>(index);
                break;
            case ElementType.F16:
                Multiply<StoredF16>(index);
                break;
            case ElementType.BF16:
                Multiply<StoredBF16>(index);
                break;
            default:
                MultiplyWidened(index, worker);
                break;
        }
    }

    // The definition of the quantised products: widen a row, then multiply.
    private void MultiplyWidened(int item, int worker)
    {
        float* row = _scratch.Floats(worker, _weight.Columns);
        for (int n = _items.First(item); n < _items.End(item); n++)
        {
            Quantization.Dequantize(_weight.Type, _weight.Row(n), row, _weight.Columns);
            for (int m = 0; m < _rows; m++)
                Store(m, n, Dot.Run<TSimd, TVector>(_a + (nint)m * _weight.Columns, row, _weight.Columns));
        }
    }

    private void Multiply<TStored>(int item)
        where TStored : IStored
    {
        int last = _items.End(item);
        for (int n = _items.First(item); n < last; n += RowsAtOnce)
        {
            int columns = Math.Min(RowsAtOnce, last - n);
            // Past the end the last row is multiplied again, and the product is not used.
            byte* w0 = _weight.Row(n), w1 = _weight.Row(n + Math.Min(1, columns - 1));
            byte* w2 = _weight.Row(n + Math.Min(2, columns - 1)), w3 = _weight.Row(n + columns - 1);
            int m = 0;
            for (; m <= _rows - RowsAtOnce; m += RowsAtOnce)
            {
                TwoByFour<TStored>(w0, w1, m, n, Math.Min(2, columns));
                if (columns > 2)
                    TwoByFour<TStored>(w2, w3, m, n + 2, columns - 2);
            }

            for (; m < _rows; m++)
                FourByOne<TStored>(w0, w1, w2, w3, _weight.Row(_items.After(item, n)), m, n, columns);
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void TwoByFour<TStored>(byte* w0, byte* w1, int m, int n, int columns)
        where TStored : IStored
    {
        int depth = _weight.Columns;
        float* a0 = _a + (nint)m * depth, a1 = a0 + depth, a2 = a1 + depth, a3 = a2 + depth;
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s02 = TSimd.Zero, s03 = TSimd.Zero;
        TVector s10 = TSimd.Zero, s11 = TSimd.Zero, s12 = TSimd.Zero, s13 = TSimd.Zero;
        nint k = 0;
        for (; k <= depth - 2 * TSimd.Width; k += 2 * TSimd.Width)
        {
            TStored.LoadTwo<TSimd, TVector>(w0 + k * TStored.Size, out TVector x, out TVector v);
            TStored.LoadTwo<TSimd, TVector>(w1 + k * TStored.Size, out TVector y, out TVector z);
            TVector a = TSimd.Load(a0 + k);
            s00 = TSimd.MultiplyAdd(a, x, s00);
            s10 = TSimd.MultiplyAdd(a, y, s10);
            a = TSimd.Load(a1 + k);
            s01 = TSimd.MultiplyAdd(a, x, s01);
            s11 = TSimd.MultiplyAdd(a, y, s11);
            a = TSimd.Load(a2 + k);
            s02 = TSimd.MultiplyAdd(a, x, s02);
            s12 = TSimd.MultiplyAdd(a, y, s12);
            a = TSimd.Load(a3 + k);
            s03 = TSimd.MultiplyAdd(a, x, s03);
            s13 = TSimd.MultiplyAdd(a, y, s13);
            a = TSimd.Load(a0 + k + TSimd.Width);
            s00 = TSimd.MultiplyAdd(a, v, s00);
            s10 = TSimd.MultiplyAdd(a, z, s10);
            a = TSimd.Load(a1 + k + TSimd.Width);
            s01 = TSimd.MultiplyAdd(a, v, s01);
            s11 = TSimd.MultiplyAdd(a, z, s11);
            a = TSimd.Load(a2 + k + TSimd.Width);
            s02 = TSimd.MultiplyAdd(a, v, s02);
            s12 = TSimd.MultiplyAdd(a, z, s12);
            a = TSimd.Load(a3 + k + TSimd.Width);
            s03 = TSimd.MultiplyAdd(a, v, s03);
            s13 = TSimd.MultiplyAdd(a, z, s13);
        }

        float* sums = stackalloc float[8];
        TSimd.StoreSums(sums, s00, s01, s02, s03);
        TSimd.StoreSums(sums + 4, s10, s11, s12, s13);
        for (int i = 0; i < RowsAtOnce; i++)
        {
            Store(m + i, n, sums[i] + Tail<TStored>(w0, a0 + (nint)i * depth, k));
            if (columns == 2)
                Store(m + i, n + 1, sums[4 + i] + Tail<TStored>(w1, a0 + (nint)i * depth, k));
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void FourByOne<TStored>(byte* w0, byte* w1, byte* w2, byte* w3, byte* next, int m, int n, int columns)
        where TStored : IStored
    {
        int depth = _weight.Columns;
        float* a = _a + (nint)m * depth;
        TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
        nint k = 0;
        for (; k <= depth - 2 * TSimd.Width; k += 2 * TSimd.Width)
        {
            nint at = k * TStored.Size;
            TVector x = TSimd.Load(a + k), y = TSimd.Load(a + k + TSimd.Width);
            Memory.Prefetch(next, 8 * TSimd.Width * TStored.Size);
            next += 8 * TSimd.Width * TStored.Size;
            TStored.LoadTwo<TSimd, TVector>(w0 + at, out TVector v, out TVector w);
            s0 = TSimd.MultiplyAdd(x, v, s0);
            s0 = TSimd.MultiplyAdd(y, w, s0);
            TStored.LoadTwo<TSimd, TVector>(w1 + at, out v, out w);
            s1 = TSimd.MultiplyAdd(x, v, s1);
            s1 = TSimd.MultiplyAdd(y, w, s1);
            TStored.LoadTwo<TSimd, TVector>(w2 + at, out v, out w);
            s2 = TSimd.MultiplyAdd(x, v, s2);
            s2 = TSimd.MultiplyAdd(y, w, s2);
            TStored.LoadTwo<TSimd, TVector>(w3 + at, out v, out w);
            s3 = TSimd.MultiplyAdd(x, v, s3);
            s3 = TSimd.MultiplyAdd(y, w, s3);
        }

        float* sums = stackalloc float[4];
        TSimd.StoreSums(sums, s0, s1, s2, s3);
        for (int j = 0; j < columns; j++)
            Store(m, n + j, sums[j] + Tail<TStored>(_weight.Row(n + j), a, k));
    }

    private float Tail<TStored>(byte* w, float* a, nint k)
        where TStored : IStored
    {
        float sum = 0;
        for (; k < _weight.Columns; k++)
            sum += TStored.Load<SimdScalar, float>(w + k * TStored.Size) * a[k];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Store(int m, int n, float sum)
    {
        float* c = _c + (nint)m * _weight.Rows + n;
        *c = _accumulate ? *c + sum : sum;
    }
}
