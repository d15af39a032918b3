using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// Gradient of y = w·x·r with r = 1/√(mean(x²) + ε): dx (+)= r·(w·dy − x·r²·mean(w·dy·x)), by rows of
/// <c>weight.Columns</c> elements.
/// </summary>
internal readonly unsafe struct RmsNormGradient<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int RowsPerItem = 16;

    private readonly float* _x;
    private readonly float* _dy;
    private readonly float* _dx;
    private readonly WeightTensor _weight;
    private readonly float _epsilon;
    private readonly int _rows;
    private readonly bool _accumulate;

    /// <summary>
    /// Describes the gradient of <paramref name="rows"/> dense rows; <paramref name="dx"/> may be
    /// <paramref name="dy"/>.
    /// </summary>
    public RmsNormGradient(
        float* x, int rows, WeightTensor weight, float epsilon, float* dy, float* dx, bool accumulate)
    {
        _x = x;
        _dy = dy;
        _dx = dx;
        _weight = weight;
        _epsilon = epsilon;
        _rows = rows;
        _accumulate = accumulate;
    }

    /// <summary>Number of items.</summary>
    public int Items => (_rows + RowsPerItem - 1) / RowsPerItem;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        int last = Math.Min((index + 1) * RowsPerItem, _rows);
        for (int row = index * RowsPerItem; row < last; row++)
        {
            nint offset = (nint)row * _weight.Columns;
            Row(_x + offset, _dy + offset, _dx + offset);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Row(float* x, float* dy, float* dx)
    {
        int count = _weight.Columns, size = _weight.Type.BytesPerBlock();
        byte* w = (byte*)_weight.Data;
        TVector squares = TSimd.Zero, products = TSimd.Zero;
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TVector xs = TSimd.Load(x + i);
            TVector g = TSimd.Multiply(SimdMath<TSimd, TVector>.Load(_weight.Type, w + i * size), TSimd.Load(dy + i));
            squares = TSimd.MultiplyAdd(xs, xs, squares);
            products = TSimd.MultiplyAdd(xs, g, products);
        }

        float square = TSimd.SumLanes(squares), product = TSimd.SumLanes(products);
        for (; i < count; i++)
        {
            square += x[i] * x[i];
            product += x[i] * SimdMath<SimdScalar, float>.Load(_weight.Type, w + i * size) * dy[i];
        }

        float r = 1f / MathF.Sqrt(square / count + _epsilon);
        float pull = -r * r * r * product / count;
        TVector rs = TSimd.Broadcast(r), pulls = TSimd.Broadcast(pull);
        for (i = 0; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TVector g = TSimd.Multiply(SimdMath<TSimd, TVector>.Load(_weight.Type, w + i * size), TSimd.Load(dy + i));
            TVector d = TSimd.MultiplyAdd(g, rs, TSimd.Multiply(TSimd.Load(x + i), pulls));
            TSimd.Store(dx + i, _accumulate ? TSimd.Add(d, TSimd.Load(dx + i)) : d);
        }

        for (; i < count; i++)
        {
            float g = SimdMath<SimdScalar, float>.Load(_weight.Type, w + i * size) * dy[i];
            float d = g * r + x[i] * pull;
            dx[i] = _accumulate ? dx[i] + d : d;
        }
    }
}
