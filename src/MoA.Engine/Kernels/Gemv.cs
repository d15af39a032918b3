using System.Runtime.CompilerServices;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Product of a stored weight with few rows, C[m, n] (+)= A[m, k]·W': bound by reading the weight, so each weight row is
/// read from memory once and used for all rows of A while it is in cache. Two weight rows by four rows of A keep eight
/// sums in registers: a loaded vector of either serves several products. Items are blocks of weight rows.
/// </summary>
internal readonly unsafe struct Gemv<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>The most rows for which this is used rather than <see cref="Gemm{TSimd,TVector}"/>.</summary>
    public const int MaximumRows = 24;

    private const int WeightRowsPerItem = 32;

    // Rows follow each other, so this runs into the next; nearer or farther was slower.
    private const int BytesAhead = 1536;

    private readonly WeightTensor _weight;
    private readonly float* _a;
    private readonly float* _c;
    private readonly int _rows;
    private readonly bool _accumulate;
    private readonly WorkerScratch _scratch;
    private readonly QuantizedRows _quantized;

    private Gemv(
        WorkerScratch scratch, QuantizedRows quantized, float* a, int rows, WeightTensor weight, float* c, bool accumulate)
    {
        _scratch = scratch;
        _quantized = quantized;
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
        QuantizedRows quantized = default;
        if (weight.Type.IsQuantized() && TSimd.Width > 1)
        {
            quantized = new QuantizedRows(a, rows, weight.Columns, weight.Type, scratch);
            pool.Run(ref quantized, quantized.Items);
        }

        Gemv<TSimd, TVector> product = new(scratch, quantized, a, rows, weight, c, accumulate);
        pool.Run(ref product, (weight.Rows + WeightRowsPerItem - 1) / WeightRowsPerItem);
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        int first = index * WeightRowsPerItem;
        int last = Math.Min(first + WeightRowsPerItem, _weight.Rows);
        switch (_weight.Type)
        {
            case ElementType.F32:
                Multiply<StoredF32>(first, last);
                break;
            case ElementType.F16:
                Multiply<StoredF16>(first, last);
                break;
            case ElementType.BF16:
                Multiply<StoredBF16>(first, last);
                break;
            case var _ when TSimd.Width == 1:
                MultiplyWidened(first, last, worker);
                break;
            case ElementType.Q8_0:
                QuantizedGemv.Multiply<KernelQ8>(
                    _quantized, _rows, _weight, first, last, _c, _accumulate);
                break;
            case ElementType.Q4_0:
                QuantizedGemv.Multiply<KernelQ4>(
                    _quantized, _rows, _weight, first, last, _c, _accumulate);
                break;
            case ElementType.Q4_K:
                QuantizedGemv.Multiply<SuperBlockKernel<BlockQ4K>>(
                    _quantized, _rows, _weight, first, last, _c, _accumulate);
                break;
            case ElementType.Q5_K:
                QuantizedGemv.Multiply<SuperBlockKernel<BlockQ5K>>(
                    _quantized, _rows, _weight, first, last, _c, _accumulate);
                break;
            default:
                QuantizedGemv.Multiply<SuperBlockKernel<BlockQ6K>>(
                    _quantized, _rows, _weight, first, last, _c, _accumulate);
                break;
        }
    }

    // The definition of the quantised products: widen a row, then multiply.
    private void MultiplyWidened(int first, int last, int worker)
    {
        float* row = _scratch.Floats(worker, _weight.Columns);
        for (int n = first; n < last; n++)
        {
            Quantization.Dequantize(_weight.Type, _weight.Row(n), row, _weight.Columns);
            for (int m = 0; m < _rows; m++)
                Store(m, n, Dot.Run<TSimd, TVector>(_a + (nint)m * _weight.Columns, row, _weight.Columns));
        }
    }

    private void Multiply<TStored>(int first, int last)
        where TStored : IStored
    {
        nint bytesPerRow = (nint)_weight.Columns * TStored.Size;
        byte* row = (byte*)_weight.Data + first * bytesPerRow;
        int n = first;
        for (; n < last - 1; n += 2, row += 2 * bytesPerRow)
        {
            int m = 0;
            for (; m <= _rows - 4; m += 4)
                TwoByFour<TStored>(row, row + bytesPerRow, m, n);
            for (; m < _rows; m++)
            {
                Store(m, n, OneByOne<TStored>(row, m));
                Store(m, n + 1, OneByOne<TStored>(row + bytesPerRow, m));
            }
        }

        if (n < last)
        {
            for (int m = 0; m < _rows; m++)
                Store(m, n, OneByOne<TStored>(row, m));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TwoByFour<TStored>(byte* w0, byte* w1, int m, int n)
        where TStored : IStored
    {
        int depth = _weight.Columns;
        float* a0 = _a + (nint)m * depth, a1 = a0 + depth, a2 = a1 + depth, a3 = a2 + depth;
        TVector s00 = TSimd.Zero, s01 = TSimd.Zero, s02 = TSimd.Zero, s03 = TSimd.Zero;
        TVector s10 = TSimd.Zero, s11 = TSimd.Zero, s12 = TSimd.Zero, s13 = TSimd.Zero;
        nint k = 0;
        for (; k <= depth - TSimd.Width; k += TSimd.Width)
        {
            TVector x = TStored.Load<TSimd, TVector>(w0 + k * TStored.Size);
            TVector y = TStored.Load<TSimd, TVector>(w1 + k * TStored.Size);
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
        }

        Store(m, n, TSimd.SumLanes(s00) + Tail<TStored>(w0, a0, k));
        Store(m + 1, n, TSimd.SumLanes(s01) + Tail<TStored>(w0, a1, k));
        Store(m + 2, n, TSimd.SumLanes(s02) + Tail<TStored>(w0, a2, k));
        Store(m + 3, n, TSimd.SumLanes(s03) + Tail<TStored>(w0, a3, k));
        Store(m, n + 1, TSimd.SumLanes(s10) + Tail<TStored>(w1, a0, k));
        Store(m + 1, n + 1, TSimd.SumLanes(s11) + Tail<TStored>(w1, a1, k));
        Store(m + 2, n + 1, TSimd.SumLanes(s12) + Tail<TStored>(w1, a2, k));
        Store(m + 3, n + 1, TSimd.SumLanes(s13) + Tail<TStored>(w1, a3, k));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private float OneByOne<TStored>(byte* w, int m)
        where TStored : IStored
    {
        int depth = _weight.Columns;
        float* a = _a + (nint)m * depth;
        TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
        nint k = 0;
        int step = TSimd.Width, bytes = TSimd.Width * TStored.Size;
        for (; k <= depth - 4 * TSimd.Width; k += 4 * TSimd.Width)
        {
            byte* stored = w + k * TStored.Size;
            Memory.Prefetch(stored + BytesAhead);
            s0 = TSimd.MultiplyAdd(TStored.Load<TSimd, TVector>(stored), TSimd.Load(a + k), s0);
            s1 = TSimd.MultiplyAdd(TStored.Load<TSimd, TVector>(stored + bytes), TSimd.Load(a + k + step), s1);
            s2 = TSimd.MultiplyAdd(TStored.Load<TSimd, TVector>(stored + 2 * bytes), TSimd.Load(a + k + 2 * step), s2);
            s3 = TSimd.MultiplyAdd(TStored.Load<TSimd, TVector>(stored + 3 * bytes), TSimd.Load(a + k + 3 * step), s3);
        }

        for (; k <= depth - TSimd.Width; k += TSimd.Width)
            s0 = TSimd.MultiplyAdd(TStored.Load<TSimd, TVector>(w + k * TStored.Size), TSimd.Load(a + k), s0);
        return TSimd.SumLanes(TSimd.Add(TSimd.Add(s0, s1), TSimd.Add(s2, s3))) + Tail<TStored>(w, a, k);
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
