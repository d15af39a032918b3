using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>What a policy that goes by attention remembers of a sequence besides its rows; empty for all others.</summary>
internal sealed class AttentionNotes : IDisposable
{
    private readonly QueryWindow?[] _windows;
    private readonly BlockMemory?[] _blocks;

    /// <param name="config">The model.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="capacity">The most tokens that the sequence may hold.</param>
    /// <param name="allocator">Where the memory is counted.</param>
    public AttentionNotes(ModelConfig config, AttentionPolicy policy, int capacity, NativeAllocator allocator)
        : this(
            policy is EvictionPolicy { ObservedQueries: int queries }
                ? [.. Unbounded(config, config.KeyValueHeads).Select(notes => notes ? new QueryWindow(allocator, queries, WindowWidth(config)) : null)]
                : [],
            policy is InfLlmPolicy infLlm
                ? [.. Unbounded(config, 1).Select(notes => notes ? new BlockMemory(infLlm, config.KeyValueHeads, config.HeadSize) : null)]
                : []) => Resize(capacity);

    private AttentionNotes(QueryWindow?[] windows, BlockMemory?[] blocks) => (_windows, _blocks) = (windows, blocks);

    /// <summary>Bytes of native memory.</summary>
    public long Bytes => _windows.Sum(window => window?.Bytes ?? 0);

    /// <summary>The most bytes of native memory that a sequence's notes take.</summary>
    public static long MostBytes(ModelConfig config, AttentionPolicy policy) => policy is EvictionPolicy { ObservedQueries: int queries }
        ? config.UnboundedLayers.Count * (long)config.KeyValueHeads * queries * WindowWidth(config) * sizeof(float)
        : 0;

    /// <summary>The last queries of the prompt of a head's group, heads counted over all layers; only where the policy observes such a window.</summary>
    public QueryWindow? Window(int head) => _windows.Length == 0 ? null : _windows[head];

    /// <summary>The blocks of a layer; null if steps attend to all rows that are held.</summary>
    public BlockMemory? Blocks(int layer) => _blocks.Length == 0 ? null : _blocks[layer];

    /// <summary>Sizes everything for a sequence's capacity.</summary>
    public void Resize(int capacity)
    {
        foreach (BlockMemory? layer in _blocks)
            layer?.Resize(capacity);
    }

    /// <summary>The same notes, which are other ones from now on.</summary>
    public AttentionNotes Copy()
    {
        AttentionNotes copy = new(new QueryWindow?[_windows.Length], [.. _blocks.Select(layer => layer?.Copy())]);
        try
        {
            for (int i = 0; i < _windows.Length; i++)
                copy._windows[i] = _windows[i]?.Copy();
            return copy;
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (QueryWindow? window in _windows)
            window?.Dispose();
    }

    private static int WindowWidth(ModelConfig config) => config.QueriesPerKeyValueHead * config.HeadSize;

    // Whether a layer looks back without limit, for each of its heads.
    private static IEnumerable<bool> Unbounded(ModelConfig config, int heads) =>
        Enumerable.Range(0, config.Layers * heads).Select(head => !config.IsBounded(head / heads));
}
