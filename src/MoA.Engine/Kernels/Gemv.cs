using System.Runtime.CompilerServices;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Product of a stored weight with few rows, C[m, n] (+)= A[m, k]·W': bound by reading the weight, so each weight row is
/// read from memory once and used for all rows of A while it is in cache. Items are blocks of weight rows.
/// </summary>
internal readonly unsafe struct Gemv<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>The most rows for which this is used rather than <see cref="Gemm{TSimd,TVector}"/>.</summary>
    public const int MaximumRows = 12;

    private const int WeightRowsPerItem = 32;

    private readonly WeightTensor _weight;
    private readonly float* _a;
    private readonly float* _c;
    private readonly int _rows;
    private readonly bool _accumulate;

    /// <summary>Describes C[rows, n] (+)= A[rows, k]·W', A and C dense row-major.</summary>
    public Gemv(float* a, int rows, WeightTensor weight, float* c, bool accumulate)
    {
        _weight = weight;
        _a = a;
        _c = c;
        _rows = rows;
        _accumulate = accumulate;
    }

    /// <summary>Number of items.</summary>
    public int Items => (_weight.Rows + WeightRowsPerItem - 1) / WeightRowsPerItem;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        int depth = _weight.Columns;
        int last = Math.Min((index + 1) * WeightRowsPerItem, _weight.Rows);
        byte* row = (byte*)_weight.Data + (nint)index * WeightRowsPerItem * depth * _weight.Type.SizeInBytes();
        for (int n = index * WeightRowsPerItem; n < last; n++, row += (nint)depth * _weight.Type.SizeInBytes())
        {
            for (int m = 0; m < _rows; m++)
            {
                float sum = _weight.Type switch
                {
                    ElementType.BF16 => DotBF16((ushort*)row, _a + (nint)m * depth, depth),
                    ElementType.F32 => Dot.Run<TSimd, TVector>((float*)row, _a + (nint)m * depth, depth),
                    _ => DotF16((ushort*)row, _a + (nint)m * depth, depth),
                };
                float* c = _c + (nint)m * _weight.Rows + n;
                *c = _accumulate ? *c + sum : sum;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float DotBF16(ushort* w, float* x, int count)
    {
        TVector s0 = TSimd.Zero, s1 = TSimd.Zero, s2 = TSimd.Zero, s3 = TSimd.Zero;
        int i = 0;
        for (; i <= count - 4 * TSimd.Width; i += 4 * TSimd.Width)
        {
            s0 = TSimd.MultiplyAdd(TSimd.LoadBF16(w + i), TSimd.Load(x + i), s0);
            s1 = TSimd.MultiplyAdd(TSimd.LoadBF16(w + i + TSimd.Width), TSimd.Load(x + i + TSimd.Width), s1);
            s2 = TSimd.MultiplyAdd(TSimd.LoadBF16(w + i + 2 * TSimd.Width), TSimd.Load(x + i + 2 * TSimd.Width), s2);
            s3 = TSimd.MultiplyAdd(TSimd.LoadBF16(w + i + 3 * TSimd.Width), TSimd.Load(x + i + 3 * TSimd.Width), s3);
        }

        for (; i <= count - TSimd.Width; i += TSimd.Width)
            s0 = TSimd.MultiplyAdd(TSimd.LoadBF16(w + i), TSimd.Load(x + i), s0);
        float sum = TSimd.SumLanes(TSimd.Add(TSimd.Add(s0, s1), TSimd.Add(s2, s3)));
        for (; i < count; i++)
            sum += SimdScalar.LoadBF16(w + i) * x[i];
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float DotF16(ushort* w, float* x, int count)
    {
        TVector s0 = TSimd.Zero, s1 = TSimd.Zero;
        int i = 0;
        for (; i <= count - 2 * TSimd.Width; i += 2 * TSimd.Width)
        {
            s0 = TSimd.MultiplyAdd(TSimd.LoadF16(w + i), TSimd.Load(x + i), s0);
            s1 = TSimd.MultiplyAdd(TSimd.LoadF16(w + i + TSimd.Width), TSimd.Load(x + i + TSimd.Width), s1);
        }

        float sum = TSimd.SumLanes(TSimd.Add(s0, s1));
        for (; i < count; i++)
            sum += SimdScalar.LoadF16(w + i) * x[i];
        return sum;
    }
}
