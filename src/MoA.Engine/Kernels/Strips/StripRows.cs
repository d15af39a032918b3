using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Activations as products with strips take them: rounded group by group, blocks of at most <see cref="BlockRows"/> rows one after
/// the other, in each the groups of columns in order, each with the units of all the block's rows. Rows of one group (<see cref="RowGroups"/>) begin
/// a block.
/// </summary>
internal readonly unsafe struct StripRows<TFormat> : IParallelJob
    where TFormat : IStripFormat
{
    /// <summary>Rows whose sums are kept together in the first cache.</summary>
    public const int BlockRows = 64;

    private const int ElementsPerItem = 4096;

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
    public int Items => (_rows + BlockRows - 1) / BlockRows * PiecesPerBlock;

    private int GroupsPerItem => Math.Max(1, ElementsPerItem / (TFormat.GroupColumns * Math.Min(BlockRows, _rows)));

    private int PiecesPerBlock => (Groups + GroupsPerItem - 1) / GroupsPerItem;

    /// <summary>The units of the block that begins at a place, [groups, rows of the block].</summary>
    public byte* Units(int place) => _units + (nint)place * Groups * TFormat.UnitBytes;

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        // As many places as a block has and few columns: units of two rows share a line of the caches, which two workers should not write.
        (int chunk, int piece) = Math.DivRem(index, PiecesPerBlock);
        int chunkEnd = Math.Min((chunk + 1) * BlockRows, _rows), places;
        for (int place = chunk * BlockRows; place < chunkEnd; place += places)
        {
            (int first, int end) = _order.Group(place, _rows);
            int block = place - (place - first) % BlockRows, rows = Math.Min(BlockRows, end - block);
            places = Math.Min(chunkEnd, block + rows) - place;
            for (int group = piece * GroupsPerItem; group < Math.Min((piece + 1) * GroupsPerItem, Groups); group++)
                Round(group, place, places, Units(block) + ((nint)group * rows + place - block) * TFormat.UnitBytes);
        }
    }

    private void Round(int group, int place, int places, byte* unit)
    {
        int size = TFormat.GroupColumns, present = Math.Max(0, Math.Min(size, _columns - group * size));
        float* padded = stackalloc float[size];
        for (int end = place + places; place < end; place++, unit += TFormat.UnitBytes)
        {
            float* x = _x + (nint)_order.Source(place) * _columns + (nint)group * size;
            if (present < size)
            {
                new Span<float>(padded, size).Clear();
                new Span<float>(x, present).CopyTo(new Span<float>(padded, size));
                x = padded;
            }

            TFormat.Round(x, unit);
        }
    }
}
