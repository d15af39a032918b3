using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Rows of activations rounded to integers, with a factor for each group of 32 or 16, in the form that
/// <typeparamref name="TKernel"/> multiplies. Items are pieces of rows.
/// </summary>
internal readonly unsafe struct QuantizedRows<TKernel> : IParallelJob
    where TKernel : IQuantizedKernel
{
    private const int ElementsPerItem = 2048;

    private readonly float* _x;
    private readonly int _rows;
    private readonly int _columns;
    private readonly byte* _rounded;

    /// <summary>Makes room in the shared scratch memory; running the items fills it.</summary>
    /// <param name="x">Dense rows.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">A multiple of the weight's block.</param>
    /// <param name="scratch">Where they are kept until the next use of the shared memory.</param>
    public QuantizedRows(float* x, int rows, int columns, WorkerScratch scratch)
    {
        _x = x;
        _rows = rows;
        _columns = columns;
        _rounded = (byte*)scratch.Shared((rows * RowBytes + sizeof(float) - 1) / sizeof(float));
    }

    /// <summary>Number of items.</summary>
    public int Items => _rows * PiecesPerRow;

    /// <summary>Bytes of a rounded row.</summary>
    public nint RowBytes => (nint)Units * TKernel.UnitBytes;

    private int Units => (_columns + TKernel.UnitElements - 1) / TKernel.UnitElements;

    private static int UnitsPerItem => ElementsPerItem / TKernel.UnitElements;

    private int PiecesPerRow => (Units + UnitsPerItem - 1) / UnitsPerItem;

    /// <summary>A rounded row.</summary>
    public byte* Row(int row) => _rounded + row * RowBytes;

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        (int row, int piece) = Math.DivRem(index, PiecesPerRow);
        float* from = _x + (nint)row * _columns, padded = stackalloc float[TKernel.UnitElements];
        byte* to = Row(row);
        int last = Math.Min((piece + 1) * UnitsPerItem, Units);
        for (int unit = piece * UnitsPerItem; unit < last; unit++)
        {
            float* x = from + (nint)unit * TKernel.UnitElements;
            int present = Math.Min(TKernel.UnitElements, _columns - unit * TKernel.UnitElements);
            if (present < TKernel.UnitElements)
            {
                new Span<float>(padded, TKernel.UnitElements).Clear();
                new Span<float>(x, present).CopyTo(new Span<float>(padded, TKernel.UnitElements));
                x = padded;
            }

            TKernel.Round(x, to + (nint)unit * TKernel.UnitBytes);
        }
    }
}
