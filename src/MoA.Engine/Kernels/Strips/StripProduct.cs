using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Products of stored weights with any number of rows each, C[m, n] (+)= A[m, k]·W': a strip of the weight is unpacked once for up to
/// <see cref="StripRows{TFormat}.BlockRows"/> rows, whose sums stay in the first cache. A row of C is added up in the same
/// order however many rows there are. A weight that is not laid out in strips is, one strip at a time. Items are blocks of strips.
/// </summary>
internal readonly unsafe struct StripProduct<TSimd, TVector, TFormat> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TFormat : IStripFormat
{
    // How far ahead of what is multiplied memory is asked for what comes.
    private const int Ahead = 8192;

    // Fewer are bound by memory, which sees one stream for each strip.
    private const int RowsForTwo = 4;

    private readonly StripRows<TFormat> _a;
    private readonly StripTargets _targets;
    private readonly WorkerScratch _scratch;
    private readonly bool _accumulate;

    private StripProduct(WorkerScratch scratch, in StripRows<TFormat> a, StripTargets targets, bool accumulate)
    {
        _scratch = scratch;
        _a = a;
        _targets = targets;
        _accumulate = accumulate;
    }

    /// <summary>Computes the products of rows of A, dense row-major, with weights of the format; their bias is not added.</summary>
    /// <param name="pool">Threads.</param>
    /// <param name="scratch">Scratch memory.</param>
    /// <param name="a">A.</param>
    /// <param name="rows">Places of the order.</param>
    /// <param name="order">Which row of A stands at which place.</param>
    /// <param name="targets">The weights, with places of their own each, and where their products go.</param>
    /// <param name="accumulate">Whether products are added to what is there.</param>
    public static void Multiply(
        WorkerPool pool, WorkerScratch scratch, float* a, int rows, RowGroups order, StripTargets targets, bool accumulate)
    {
        StripRows<TFormat> rounded = new(a, rows, targets[0].Weight.Columns, order, scratch);
        pool.Run(ref rounded, rounded.Items);
        for (int i = 0; i < targets.Count; i++)
            targets.Cut(i, Together(targets[i].Rows));
        StripProduct<TSimd, TVector, TFormat> product = new(scratch, rounded, targets, accumulate);
        pool.Run(ref product, targets.Items);
    }

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        int i = 0;
        while (index >= _targets[i].EndItem)
            i++;
        ref readonly StripTarget target = ref _targets[i];
        int item = index - target.FirstItem;
        nint bytes = StripLayout<TSimd, TVector, TFormat>.StripBytes(target.Weight);
        int together = Together(target.Rows);
        int sumFloats = StripRows<TFormat>.BlockRows * together * TSimd.Width, factorFloats = TFormat.Factors * TSimd.Width;
        float* sums = _scratch.Floats(worker, sumFloats + factorFloats + (target.Strips is null ? together * bytes / sizeof(float) : 0));
        float* factors = sums + sumFloats;
        byte* made = (byte*)(factors + factorFloats);
        int end = target.Items.End(item), strips;
        for (int strip = target.Items.First(item); strip < end; strip += strips)
        {
            strips = Math.Min(together, end - strip);
            byte* data = target.Strips + strip * bytes, next = target.Strips + target.Items.After(item, strip + strips - 1) * bytes;
            if (target.Strips is null)
            {
                for (int s = 0; s < strips; s++)
                    StripLayout<TSimd, TVector, TFormat>.Write(target.Weight, strip + s, made + s * bytes);
                data = next = made;
            }

            for (int row = 0; row < target.Rows; row += StripRows<TFormat>.BlockRows)
            {
                int rows = Math.Min(StripRows<TFormat>.BlockRows, target.Rows - row);
                byte* units = _a.Units(target.FirstRow + row);
                if (strips == 2)
                    MultiplyTwo(data, bytes, next, units, rows, sums);
                else
                    Multiply(data, bytes, next, units, rows, factors, sums);
                for (int s = 0; s < strips; s++)
                    Store(target, sums + s * TSimd.Width, strips * TSimd.Width, row, rows, (strip + s) * TSimd.Width);
            }
        }
    }

    // Strips that are multiplied side by side.
    private static int Together(int rows) => TFormat.TakesTwo<TSimd, TVector>() && rows >= RowsForTwo ? 2 : 1;

    [MethodImpl(JitOptions.Loop)]
    private static void Multiply(byte* strip, nint bytes, byte* next, byte* units, int rows, float* factors, float* sums)
    {
        int cellBytes = StripLayout<TSimd, TVector, TFormat>.CellBytes, unitsBytes = rows * TFormat.UnitBytes;
        for (int i = 0; i < rows * TSimd.Width; i += TSimd.Width)
            TSimd.Store(sums + i, TSimd.Zero);
        byte* end = strip + bytes;
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

    // Two strips side by side.
    [MethodImpl(JitOptions.Loop)]
    private static void MultiplyTwo(byte* strip, nint bytes, byte* next, byte* units, int rows, float* sums)
    {
        int cellBytes = StripLayout<TSimd, TVector, TFormat>.CellBytes, unitsBytes = rows * TFormat.UnitBytes;
        for (int i = 0; i < rows * 2 * TSimd.Width; i += TSimd.Width)
            TSimd.Store(sums + i, TSimd.Zero);
        byte* end = strip + bytes;
        nint turn = (nint)(next - end);
        for (byte* cell = strip; cell < end; cell += cellBytes, units += unitsBytes)
        {
            byte* ahead = cell + Ahead;
            if (ahead >= end)
                ahead += turn;
            Memory.Prefetch(ahead, cellBytes);
            Memory.Prefetch(ahead + bytes, cellBytes);
            TFormat.AddGroupOfTwo<TSimd, TVector>(cell, cell + bytes, units, rows, sums);
        }
    }

    private void Store(in StripTarget target, float* sums, int stride, int firstRow, int rows, int column)
    {
        int outputs = target.Weight.Rows, present = Math.Min(TSimd.Width, outputs - column);
        float* c = target.Output + (nint)firstRow * outputs + column;
        for (int row = 0; row < rows; row++, c += outputs, sums += stride)
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
