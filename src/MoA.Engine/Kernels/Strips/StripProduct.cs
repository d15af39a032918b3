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

    // Activations that stay in the second cache while an item's strips are multiplied with them.
    private const int PieceBytes = 131_072;

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
        // All strips of an item take a prompt's activations piece by piece, so that these are read once; a step's strips are one stream.
        int together = Together(target.Rows), most = target.Rows > StripRows<TFormat>.BlockRows ? StripItems.MostStrips : together;
        int sumFloats = StripRows<TFormat>.BlockRows * most * TSimd.Width, factorFloats = TFormat.Factors * TSimd.Width;
        float* sums = _scratch.Floats(worker, sumFloats + factorFloats + (target.Strips is null ? most * bytes / sizeof(float) : 0));
        float* factors = sums + sumFloats;
        byte* made = (byte*)(factors + factorFloats);
        int end = target.Items.End(item), strips;
        for (int first = target.Items.First(item); first < end; first += strips)
        {
            strips = Math.Min(most, end - first);
            byte* data = target.Strips + first * bytes, next = target.Strips + target.Items.After(item, first + strips - 1) * bytes;
            if (target.Strips is null)
            {
                for (int strip = 0; strip < strips; strip++)
                    StripLayout<TSimd, TVector, TFormat>.Write(target.Weight, first + strip, made + strip * bytes);
                data = next = made;
            }

            for (int row = 0; row < target.Rows; row += StripRows<TFormat>.BlockRows)
            {
                int rows = Math.Min(StripRows<TFormat>.BlockRows, target.Rows - row);
                Multiply(data, bytes, strips, together, next, _a.Units(target.FirstRow + row), rows, factors, sums);
                Store(target, row, rows, first, strips, together, sums);
            }
        }
    }

    // A block of rows with strips that lie one after the other; sums get [rows, strips side by side, lanes] for every few of them.
    private static void Multiply(
        byte* data, nint bytes, int strips, int together, byte* next, byte* units, int rows, float* factors, float* sums)
    {
        int cellBytes = StripLayout<TSimd, TVector, TFormat>.CellBytes;
        int cellUnits = rows * TFormat.UnitBytes * (TFormat.CellColumns / TFormat.GroupColumns);
        nint piece = strips > together ? Math.Max(1, PieceBytes / cellUnits) * cellBytes : bytes;
        new Span<float>(sums, rows * strips * TSimd.Width).Clear();
        for (nint from = 0; from < bytes; from += piece, units += piece / cellBytes * cellUnits)
        {
            nint size = Math.Min(piece, bytes - from);
            for (int strip = 0; strip < strips; strip += together)
            {
                byte* cells = data + strip * bytes + from;
                byte* after = strip + together < strips ? cells + together * bytes : from + size < bytes ? data + from + size : next;
                if (Math.Min(together, strips - strip) == 2)
                    AddTwo(cells, size, bytes, after, units, rows, sums + strip * rows * TSimd.Width);
                else
                    Add(cells, size, after, units, rows, factors, sums + strip * rows * TSimd.Width);
            }
        }
    }

    // Strips that are multiplied side by side.
    private static int Together(int rows) => TFormat.TakesTwo<TSimd, TVector>() && rows >= RowsForTwo ? 2 : 1;

    [MethodImpl(JitOptions.Loop)]
    private static void Add(byte* cells, nint bytes, byte* next, byte* units, int rows, float* factors, float* sums)
    {
        int cellBytes = StripLayout<TSimd, TVector, TFormat>.CellBytes, unitsBytes = rows * TFormat.UnitBytes;
        byte* end = cells + bytes;
        nint turn = (nint)(next - end);
        for (byte* cell = cells; cell < end; cell += cellBytes)
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

    // With the strip that lies so many bytes further on.
    [MethodImpl(JitOptions.Loop)]
    private static void AddTwo(byte* cells, nint bytes, nint other, byte* next, byte* units, int rows, float* sums)
    {
        int cellBytes = StripLayout<TSimd, TVector, TFormat>.CellBytes, unitsBytes = rows * TFormat.UnitBytes;
        byte* end = cells + bytes;
        nint turn = (nint)(next - end);
        for (byte* cell = cells; cell < end; cell += cellBytes, units += unitsBytes)
        {
            byte* ahead = cell + Ahead;
            if (ahead >= end)
                ahead += turn;
            Memory.Prefetch(ahead, cellBytes);
            Memory.Prefetch(ahead + other, cellBytes);
            TFormat.AddGroupOfTwo<TSimd, TVector>(cell, cell + other, units, rows, sums);
        }
    }

    private void Store(in StripTarget target, int firstRow, int rows, int first, int strips, int together, float* sums)
    {
        int outputs = target.Weight.Rows;
        for (int strip = 0; strip < strips; strip++)
        {
            int beside = strip % together, stride = Math.Min(together, strips - (strip - beside)) * TSimd.Width;
            int column = (first + strip) * TSimd.Width, present = Math.Min(TSimd.Width, outputs - column);
            float* sum = sums + ((strip - beside) * rows + beside) * TSimd.Width;
            float* c = target.Output + (nint)firstRow * outputs + column;
            for (int row = 0; row < rows; row++, c += outputs, sum += stride)
            {
                if (present == TSimd.Width)
                {
                    TSimd.Store(c, _accumulate ? TSimd.Add(TSimd.Load(c), TSimd.Load(sum)) : TSimd.Load(sum));
                    continue;
                }

                for (int i = 0; i < present; i++)
                    c[i] = _accumulate ? c[i] + sum[i] : sum[i];
            }
        }
    }
}
