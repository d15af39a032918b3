namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Cuts a weight's strips into items, and foresees what a thread will read: what comes after the last strip of an item is most
/// likely the item that lies as many items ahead as there are threads.
/// </summary>
internal readonly struct StripItems
{
    /// <summary>Strips that an item has at most: long ones hide their ends.</summary>
    public const int MostStrips = 8;

    // There should be some for each of many threads.
    private const int EnoughItems = 32;

    private readonly int _strips;
    private readonly int _threads;
    private readonly int _stripsPerItem;

    /// <summary>Cuts.</summary>
    /// <param name="strips">Strips of the weight, at least 1.</param>
    /// <param name="threads">Threads that share them; no result depends on it.</param>
    /// <param name="together">Strips that are multiplied side by side: an item has some times as many.</param>
    public StripItems(int strips, int threads, int together = 1)
    {
        _strips = strips;
        _threads = threads;
        _stripsPerItem = Math.Max(1, Math.Min(strips / EnoughItems, MostStrips) / together) * together;
    }

    /// <summary>Number of items.</summary>
    public int Count => (_strips + _stripsPerItem - 1) / _stripsPerItem;

    /// <summary>First strip of an item.</summary>
    public int First(int item) => item * _stripsPerItem;

    /// <summary>The strip after an item's last.</summary>
    public int End(int item) => Math.Min((item + 1) * _stripsPerItem, _strips);

    /// <summary>The strip that a thread is likely to read after another.</summary>
    public int After(int item, int strip) => Math.Min(strip + 1 < End(item) ? strip + 1 : First(item + _threads), _strips - 1);
}
