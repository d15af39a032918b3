namespace MoA.Engine.Kernels;

/// <summary>
/// Cuts the rows of a weight into items, and foresees what a thread will read: four rows at a time are multiplied while the
/// next four are asked for, and what comes after the last four of an item is most likely the item that lies as many items
/// ahead as there are threads. A thread that waits for memory at the start of each item would wait for a good part of the time.
/// </summary>
internal readonly struct WeightRowItems
{
    /// <summary>Rows that are multiplied at a time.</summary>
    public const int RowsAtOnce = 4;

    // Long items hide their ends; there should be some for each of many threads.
    private const int LeastRows = 32, MostRows = 256, EnoughItems = 32;

    private readonly int _rows;
    private readonly int _threads;
    private readonly int _rowsPerItem;

    /// <summary>Cuts.</summary>
    /// <param name="rows">Rows of the weight, at least 1.</param>
    /// <param name="threads">Threads that share them; no result depends on it.</param>
    public WeightRowItems(int rows, int threads)
    {
        _rows = rows;
        _threads = threads;
        _rowsPerItem = Math.Clamp(rows / EnoughItems / LeastRows * LeastRows, LeastRows, MostRows);
    }

    /// <summary>Number of items.</summary>
    public int Count => (_rows + _rowsPerItem - 1) / _rowsPerItem;

    /// <summary>First row of an item.</summary>
    public int First(int item) => item * _rowsPerItem;

    /// <summary>The row after an item's last.</summary>
    public int End(int item) => Math.Min((item + 1) * _rowsPerItem, _rows);

    /// <summary>The row that a thread is likely to read after the rows from <paramref name="row"/> on.</summary>
    public int After(int item, int row)
    {
        int next = row + RowsAtOnce < End(item) ? row + RowsAtOnce : First(item + _threads);
        return Math.Min(next, _rows - 1);
    }
}
