using System.Runtime.CompilerServices;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Rotary position embedding in place: the components of pair f of a head turn by the angle position·θ_f, whose cosine
/// and sine the caller gives per row. Pair f is (f, f + r/2) or (2f, 2f + 1) of the first r components; the others stay.
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
    private readonly int _turned;
    private readonly RopePairs _pairs;
    private readonly float _direction;

    /// <summary>Describes the rotation of x[rows, heads·headSize].</summary>
    /// <param name="x">Rows of heads.</param>
    /// <param name="angles">[rows, turned]: r/2 cosines, then r/2 sines.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="heads">Heads a row.</param>
    /// <param name="headSize">Components of a head, even.</param>
    /// <param name="turned">Components r of a head that turn, even.</param>
    /// <param name="pairs">Which components turn together.</param>
    /// <param name="inverse">Turns back, as a gradient needs.</param>
    public Rope(float* x, float* angles, int rows, int heads, int headSize, int turned, RopePairs pairs, bool inverse)
    {
        _x = x;
        _angles = angles;
        _rows = rows;
        _heads = heads;
        _headSize = headSize;
        _turned = turned;
        _pairs = pairs;
        _direction = inverse ? -1f : 1f;
    }

    /// <summary>Number of items.</summary>
    public int Items => (_rows + RowsPerItem - 1) / RowsPerItem;

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        int last = Math.Min((index + 1) * RowsPerItem, _rows);
        for (int row = index * RowsPerItem; row < last; row++)
        {
            float* cosines = _angles + (nint)row * _turned;
            float* x = _x + (nint)row * _heads * _headSize;
            if (_pairs == RopePairs.Halves)
                TurnHalves(x, cosines);
            else
                TurnAdjacent(x, cosines);
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void TurnHalves(float* x, float* cosines)
    {
        int half = _turned / 2;
        float* sines = cosines + half;
        TVector direction = TSimd.Broadcast(_direction);
        for (int head = 0; head < _heads; head++, x += _headSize)
        {
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
                Turn(x + f, x + f + half, cosines[f], sines[f]);
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void TurnAdjacent(float* x, float* cosines)
    {
        int half = _turned / 2;
        float* sines = cosines + half;

        // Lane 2i gives a·c - b·s and lane 2i + 1 gives b·c + a·s, so the sine's sign alternates.
        float* signs = stackalloc float[16];
        for (int lane = 0; lane < 16; lane++)
            signs[lane] = lane % 2 == 0 ? -_direction : _direction;
        TVector sign = TSimd.Load(signs);
        for (int head = 0; head < _heads; head++, x += _headSize)
        {
            int f = 0;
            if (TSimd.Width > 1)
            {
                for (; f <= half - TSimd.Width / 2; f += TSimd.Width / 2)
                {
                    TVector pair = TSimd.Load(x + 2 * f);
                    TVector s = TSimd.Multiply(TSimd.LoadTwice(sines + f), sign);
                    TVector turned = TSimd.Multiply(TSimd.SwapPairs(pair), s);
                    TSimd.Store(x + 2 * f, TSimd.MultiplyAdd(pair, TSimd.LoadTwice(cosines + f), turned));
                }
            }

            for (; f < half; f++)
                Turn(x + 2 * f, x + 2 * f + 1, cosines[f], sines[f]);
        }
    }

    private void Turn(float* a, float* b, float cosine, float sine)
    {
        sine *= _direction;
        (*a, *b) = (*a * cosine - *b * sine, *a * sine + *b * cosine);
    }
}
