using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Rotary position embedding in place, rotate-half form: component f of a head turns with component f + d/2 by the
/// angle position·θ_f, whose cosine and sine the caller gives per row.
/// </summary>
internal readonly unsafe struct Rope<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int RowsPerItem = 16;

    private readonly float* _x;
    private readonly float* _angles;
    private readonly int _rows;
    private readonly int _heads;
    private readonly int _headSize;
    private readonly float _direction;

    /// <summary>Describes the rotation of x[rows, heads·headSize].</summary>
    /// <param name="x">Rows of heads.</param>
    /// <param name="angles">[rows, headSize]: d/2 cosines, then d/2 sines.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="heads">Heads a row.</param>
    /// <param name="headSize">Components of a head, even.</param>
    /// <param name="inverse">Turns back, as a gradient needs.</param>
    public Rope(float* x, float* angles, int rows, int heads, int headSize, bool inverse)
    {
        _x = x;
        _angles = angles;
        _rows = rows;
        _heads = heads;
        _headSize = headSize;
        _direction = inverse ? -1f : 1f;
    }

    /// <summary>Number of items.</summary>
    public int Items => (_rows + RowsPerItem - 1) / RowsPerItem;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        int half = _headSize / 2;
        TVector direction = TSimd.Broadcast(_direction);
        int last = Math.Min((index + 1) * RowsPerItem, _rows);
        for (int row = index * RowsPerItem; row < last; row++)
        {
            float* cosines = _angles + (nint)row * _headSize;
            float* sines = cosines + half;
            for (int head = 0; head < _heads; head++)
            {
                float* x = _x + ((nint)row * _heads + head) * _headSize;
                int f = 0;
                for (; f <= half - TSimd.Width; f += TSimd.Width)
                {
                    TVector a = TSimd.Load(x + f), b = TSimd.Load(x + f + half);
                    TVector c = TSimd.Load(cosines + f);
                    TVector s = TSimd.Multiply(TSimd.Load(sines + f), direction);
                    TSimd.Store(x + f, TSimd.Subtract(TSimd.Multiply(a, c), TSimd.Multiply(b, s)));
                    TSimd.Store(x + f + half, TSimd.MultiplyAdd(a, s, TSimd.Multiply(b, c)));
                }

                for (; f < half; f++)
                {
                    float a = x[f], b = x[f + half], s = sines[f] * _direction;
                    x[f] = a * cosines[f] - b * s;
                    x[f + half] = a * s + b * cosines[f];
                }
            }
        }
    }
}
