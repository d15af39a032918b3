using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Activations as products with strips take them: rounded group by group, blocks of <see cref="BlockRows"/> rows one after
/// the other, in each the groups in order, each with the units of all the block's rows. Items are pieces of rows.
/// </summary>
internal readonly unsafe struct StripRows<TFormat> : IParallelJob
    where TFormat : IStripFormat
{
    /// <summary>Rows whose sums are kept together in the first cache.</summary>
    public const int BlockRows = 64;

    private const int ElementsPerItem = 2048;

    private readonly float* _x;
    private readonly int _rows;
    private readonly int _columns;
    private readonly byte* _units;

    /// <summary>Makes room in the shared scratch memory; running the items fills it.</summary>
    /// <param name="x">Dense rows.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="scratch">Where they are kept until the next use of the shared memory.</param>
    public StripRows(float* x, int rows, int columns, WorkerScratch scratch)
    {
        _x = x;
        _rows = rows;
        _columns = columns;
        Groups = (columns + TFormat.CellColumns - 1) / TFormat.CellColumns * (TFormat.CellColumns / TFormat.GroupColumns);
        _units = (byte*)scratch.Shared((long)rows * Groups * TFormat.UnitBytes / sizeof(float));
    }

    /// <summary>Number of rows.</summary>
    public int Rows => _rows;

    /// <summary>Groups of a row.</summary>
    public int Groups { get; }

    /// <summary>Blocks of rows.</summary>
    public int Blocks => (_rows + BlockRows - 1) / BlockRows;

    /// <summary>Number of items.</summary>
    public int Items => _rows * PiecesPerRow;

    private static int GroupsPerItem => ElementsPerItem / TFormat.GroupColumns;

    private int PiecesPerRow => (Groups + GroupsPerItem - 1) / GroupsPerItem;

    /// <summary>Rows of a block.</summary>
    public int RowsOf(int block) => Math.Min(BlockRows, _rows - block * BlockRows);

    /// <summary>The units of a block, [groups, rows of the block].</summary>
    public byte* Units(int block) => _units + (nint)block * BlockRows * Groups * TFormat.UnitBytes;

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        (int row, int piece) = Math.DivRem(index, PiecesPerRow);
        (int block, int rowInBlock) = Math.DivRem(row, BlockRows);
        int size = TFormat.GroupColumns, rows = RowsOf(block), last = Math.Min((piece + 1) * GroupsPerItem, Groups);
        float* x = _x + (nint)row * _columns, padded = stackalloc float[size];
        byte* units = Units(block) + rowInBlock * TFormat.UnitBytes;
        for (int group = piece * GroupsPerItem; group < last; group++)
        {
            float* from = x + (nint)group * size;
            int present = Math.Max(0, Math.Min(size, _columns - group * size));
            if (present < size)
            {
                new Span<float>(padded, size).Clear();
                new Span<float>(from, present).CopyTo(new Span<float>(padded, size));
                from = padded;
            }

            TFormat.Round(from, units + (nint)group * rows * TFormat.UnitBytes);
        }
    }
}
