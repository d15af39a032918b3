using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>Root-mean-square norm of rows: y = w·x / √(mean(x²) + ε), by rows of <c>weight.Columns</c> elements.</summary>
internal readonly unsafe struct RmsNorm<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int RowsPerItem = 16;

    private readonly float* _x;
    private readonly float* _y;
    private readonly WeightTensor _weight;
    private readonly float _epsilon;
    private readonly int _rows;

    /// <summary>Describes the norm of <paramref name="rows"/> dense rows; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public RmsNorm(float* x, int rows, WeightTensor weight, float epsilon, float* y)
    {
        _x = x;
        _y = y;
        _weight = weight;
        _epsilon = epsilon;
        _rows = rows;
    }

    /// <summary>Number of items.</summary>
    public int Items => (_rows + RowsPerItem - 1) / RowsPerItem;

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        int count = _weight.Columns;
        int size = _weight.Type.BytesPerBlock();
        byte* w = (byte*)_weight.Data;
        int last = Math.Min((index + 1) * RowsPerItem, _rows);
        for (int row = index * RowsPerItem; row < last; row++)
        {
            float* x = _x + (nint)row * count;
            float* y = _y + (nint)row * count;
            float scale = 1f / MathF.Sqrt(Dot.Run<TSimd, TVector>(x, x, count) / count + _epsilon);
            TVector scales = TSimd.Broadcast(scale);
            int i = 0;
            for (; i <= count - TSimd.Width; i += TSimd.Width)
            {
                TVector scaled = TSimd.Multiply(TSimd.Load(x + i), scales);
                TSimd.Store(y + i, TSimd.Multiply(scaled, SimdMath<TSimd, TVector>.Load(_weight.Type, w + i * size)));
            }

            for (; i < count; i++)
                y[i] = x[i] * scale * SimdMath<SimdScalar, float>.Load(_weight.Type, w + i * size);
        }
    }
}
