namespace MoA.Engine.Kernels.Sparse;

/// <summary>Which blocks of keys the blocks of queries of a piece see, for choices of blocks larger than 64.</summary>
internal readonly ref struct BlockMask
{
    private readonly Span<bool> _kept;
    private readonly int _block;
    private readonly int _columns;

    /// <summary>An empty mask.</summary>
    /// <param name="kept">Memory for <see cref="SizeOf"/> blocks.</param>
    /// <param name="start">Position of the piece's first query.</param>
    /// <param name="end">Position behind its last.</param>
    /// <param name="block">Positions of a block.</param>
    public BlockMask(Span<bool> kept, int start, int end, int block)
    {
        _block = block;
        FirstRow = start / block;
        _columns = (end + block - 1) / block;
        _kept = kept[..SizeOf(start, end, block)];
        _kept.Clear();
    }

    /// <summary>The first block of queries.</summary>
    public int FirstRow { get; }

    /// <summary>Behind the last block of queries; there are as many blocks of keys.</summary>
    public int End => _columns;

    /// <summary>Blocks of a mask.</summary>
    public static int SizeOf(int start, int end, int block) => ((end + block - 1) / block - start / block) * ((end + block - 1) / block);

    /// <summary>Keeps a block of keys for a block of queries, unless it is in its future.</summary>
    public void Keep(int row, int column)
    {
        if (column <= row)
            _kept[(row - FirstRow) * _columns + column] = true;
    }

    /// <summary>Lays the blocks out.</summary>
    public void LayOut(KeyRanges ranges)
    {
        for ((int first, int end) = ranges.Rows; first < end; (first, end) = ranges.Rows)
        {
            int row = first / _block;
            for (int column = 0; column <= row; column++)
            {
                if (_kept[(row - FirstRow) * _columns + column])
                    ranges.Add(column * _block, (column + 1) * _block);
            }

            ranges.EndBlock();
        }
    }
}
