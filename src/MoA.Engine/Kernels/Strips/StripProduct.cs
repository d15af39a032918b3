using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Product of a stored weight with any number of rows, C[m, n] (+)= A[m, k]·W': a strip of the weight is unpacked once for up to
/// <see cref="StripRows{TFormat}.BlockRows"/> rows, whose sums stay in the first cache. A row of C is added up in the same
/// order however many rows there are. A weight that is not laid out in strips is, one strip at a time. Items are blocks of strips.
/// </summary>
internal readonly unsafe struct StripProduct<TSimd, TVector, TFormat> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TFormat : IStripFormat
{
    // How far ahead of what is multiplied memory is asked for what comes.
    private const int Ahead = 4096;

    private readonly StripRows<TFormat> _a;
    private readonly WeightTensor _weight;
    private readonly byte* _strips;
    private readonly WorkerScratch _scratch;
    private readonly StripItems _items;
    private readonly float* _c;
    private readonly bool _accumulate;

    private StripProduct(
        WorkerScratch scratch, in StripRows<TFormat> a, WeightTensor weight, in StripItems items, float* c, bool accumulate)
    {
        _scratch = scratch;
        _a = a;
        _weight = weight;
        _strips = (weight as StripWeight)?.Strips;
        _items = items;
        _c = c;
        _accumulate = accumulate;
    }

    /// <summary>Computes C[rows, n] (+)= A[rows, k]·W', A and C dense row-major.</summary>
    public static void Multiply(
        WorkerPool pool, WorkerScratch scratch, float* a, int rows, WeightTensor weight, float* c, bool accumulate)
    {
        StripRows<TFormat> rounded = new(a, rows, weight.Columns, scratch);
        pool.Run(ref rounded, rounded.Items);
        StripItems items = new(StripLayout<TSimd, TVector, TFormat>.Strips(weight), pool.Threads);
        StripProduct<TSimd, TVector, TFormat> product = new(scratch, rounded, weight, items, c, accumulate);
        pool.Run(ref product, items.Count);
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        nint bytes = StripLayout<TSimd, TVector, TFormat>.StripBytes(_weight);
        int sumFloats = StripRows<TFormat>.BlockRows * TSimd.Width, factorFloats = TFormat.Factors * TSimd.Width;
        float* sums = _scratch.Floats(worker, sumFloats + factorFloats + (_strips is null ? bytes / sizeof(float) : 0));
        float* factors = sums + sumFloats;
        byte* made = (byte*)(factors + factorFloats);
        int end = _items.End(index);
        for (int strip = _items.First(index); strip < end; strip++)
        {
            byte* data = _strips + strip * bytes, next = _strips + _items.After(index, strip) * bytes;
            if (_strips is null)
            {
                StripLayout<TSimd, TVector, TFormat>.Write(_weight, strip, made);
                data = next = made;
            }

            for (int block = 0; block < _a.Blocks; block++)
            {
                int rows = _a.RowsOf(block);
                Multiply(data, next, _a.Units(block), rows, factors, sums);
                Store(sums, block * StripRows<TFormat>.BlockRows, rows, strip * TSimd.Width);
            }
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void Multiply(byte* strip, byte* next, byte* units, int rows, float* factors, float* sums)
    {
        int cellBytes = StripLayout<TSimd, TVector, TFormat>.CellBytes, unitsBytes = rows * TFormat.UnitBytes;
        for (int i = 0; i < rows * TSimd.Width; i += TSimd.Width)
            TSimd.Store(sums + i, TSimd.Zero);
        byte* end = strip + StripLayout<TSimd, TVector, TFormat>.StripBytes(_weight);
        nint turn = (nint)(next - end);
        for (byte* cell = strip; cell < end; cell += cellBytes)
        {
            byte* ahead = cell + Ahead;
            if (ahead >= end)
                ahead += turn;
            Memory.Prefetch(ahead, cellBytes);
            TFormat.ReadFactors<TSimd, TVector>(cell, factors);
            for (int group = 0; group < TFormat.CellColumns / TFormat.GroupColumns; group++, units += unitsBytes)
                TFormat.AddGroup<TSimd, TVector>(cell, group, factors, units, rows, sums);
        }
    }

    private void Store(float* sums, int firstRow, int rows, int column)
    {
        int present = Math.Min(TSimd.Width, _weight.Rows - column);
        float* c = _c + (nint)firstRow * _weight.Rows + column;
        for (int row = 0; row < rows; row++, c += _weight.Rows, sums += TSimd.Width)
        {
            if (present == TSimd.Width)
            {
                TVector sum = TSimd.Load(sums);
                TSimd.Store(c, _accumulate ? TSimd.Add(TSimd.Load(c), sum) : sum);
                continue;
            }

            for (int i = 0; i < present; i++)
                c[i] = _accumulate ? c[i] + sums[i] : sums[i];
        }
    }
}
