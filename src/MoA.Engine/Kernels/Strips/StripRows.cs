using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Activations as products with strips take them: rounded group by group, blocks of at most <see cref="BlockRows"/> rows one after
/// the other, in each the groups of columns in order, each with the units of all the block's rows. Rows of one group (<see cref="RowGroups"/>) begin
/// a block. Items are pieces of rows.
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
    private readonly RowGroups _order;
    private readonly byte* _units;

    /// <summary>Makes room in the shared scratch memory; running the items fills it.</summary>
    /// <param name="x">Dense rows.</param>
    /// <param name="rows">Places, which is rows where there are no groups.</param>
    /// <param name="columns">Elements of a row.</param>
    /// <param name="order">Which row stands at which place.</param>
    /// <param name="scratch">Where they are kept until the next use of the shared memory.</param>
    public StripRows(float* x, int rows, int columns, RowGroups order, WorkerScratch scratch)
    {
        _x = x;
        _order = order;
        _rows = rows;
        _columns = columns;
        Groups = (columns + TFormat.CellColumns - 1) / TFormat.CellColumns * (TFormat.CellColumns / TFormat.GroupColumns);
        _units = (byte*)scratch.Shared((long)rows * Groups * TFormat.UnitBytes / sizeof(float));
    }

    /// <summary>Groups of a row.</summary>
    public int Groups { get; }

    /// <summary>Number of items.</summary>
    public int Items => _rows * PiecesPerRow;

    private static int GroupsPerItem => ElementsPerItem / TFormat.GroupColumns;

    private int PiecesPerRow => (Groups + GroupsPerItem - 1) / GroupsPerItem;

    /// <summary>The units of the block that begins at a place, [groups, rows of the block].</summary>
    public byte* Units(int place) => _units + (nint)place * Groups * TFormat.UnitBytes;

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        (int place, int piece) = Math.DivRem(index, PiecesPerRow);
        (int first, int end) = _order.Group(place, _rows);
        int block = place - (place - first) % BlockRows, rows = Math.Min(BlockRows, end - block);
        int size = TFormat.GroupColumns, last = Math.Min((piece + 1) * GroupsPerItem, Groups);
        float* x = _x + (nint)_order.Source(place) * _columns, padded = stackalloc float[size];
        byte* units = Units(block) + (place - block) * TFormat.UnitBytes;
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
