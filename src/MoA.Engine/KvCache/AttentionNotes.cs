using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>What a policy that goes by content remembers of a sequence besides its rows; empty for all others.</summary>
internal sealed class AttentionNotes : IDisposable
{
    private readonly QueryWindow?[] _windows;
    private readonly QueryStatistics?[] _statistics;
    private readonly BlockMemory?[] _blocks;
    private readonly ChosenStrategy?[] _strategies;

    /// <param name="config">The model.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="capacity">The most tokens that the sequence may hold.</param>
    /// <param name="allocator">Where the memory is counted.</param>
    public AttentionNotes(ModelConfig config, AttentionPolicy policy, int capacity, NativeAllocator allocator)
        : this(
            policy is EvictionPolicy { Scorer.ObservedQueries: > 0 and int queries }
                ? Each(config, config.KeyValueHeads, () => new QueryWindow(allocator, queries, WindowWidth(config)))
                : [],
            policy is EvictionPolicy { Scorer: ExpectedAttentionScorer }
                ? Each(config, config.KeyValueHeads, () => new QueryStatistics(allocator, config.QueriesPerKeyValueHead, config.HeadSize))
                : [],
            policy is InfLlmPolicy infLlm
                ? Each(config, 1, () => new BlockMemory(infLlm, config.KeyValueHeads, config.HeadSize))
                : [],
            policy is FastGenPolicy ? Each(config, config.KeyValueHeads, () => new ChosenStrategy()) : [])
    {
        Kinds = policy is FastGenPolicy ? new TextKinds(capacity) : null;
        TokensRead = policy is EvictionPolicy { Scorer.ReadsTwice: true } ? [] : null;
        Resize(capacity);
    }

    private AttentionNotes(QueryWindow?[] windows, QueryStatistics?[] statistics, BlockMemory?[] blocks, ChosenStrategy?[] strategies) =>
        (_windows, _statistics, _blocks, _strategies) = (windows, statistics, blocks, strategies);

    /// <summary>The kinds of the tokens, where the policy goes by them; else null.</summary>
    public TextKinds? Kinds { get; private init; }

    /// <summary>The tokens of the prompt, where it is read a second time; else null.</summary>
    public List<int>? TokensRead { get; private init; }

    /// <summary>Bytes of native memory.</summary>
    public long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (QueryWindow? window in _windows)
                bytes += window?.Bytes ?? 0;
            foreach (QueryStatistics? statistics in _statistics)
                bytes += statistics?.Bytes ?? 0;
            return bytes;
        }
    }

    /// <summary>The most bytes of native memory that a sequence's notes take.</summary>
    /// <param name="config">The model.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="capacity">The most tokens that the sequence may hold.</param>
    public static long MostBytes(ModelConfig config, AttentionPolicy policy, int capacity) => config.UnboundedLayers.Count * (long)config.KeyValueHeads * policy switch
    {
        EvictionPolicy { Scorer: ExpectedAttentionScorer } => QueryStatistics.BytesOf(config.QueriesPerKeyValueHead, config.HeadSize),
        FastGenPolicy => 2L * capacity * WindowWidth(config) * sizeof(float), // one of each size, while it grows
        EvictionPolicy choosing => (long)choosing.Scorer.ObservedQueries * WindowWidth(config) * sizeof(float),
        _ => 0,
    };

    /// <summary>The last queries of the prompt of a head's group, heads counted over all layers; only where the policy observes such a window.</summary>
    public QueryWindow? Window(int head) => _windows.Length == 0 ? null : _windows[head];

    /// <summary>The prompt's queries of a head's group, heads counted over all layers; only where the policy goes by their statistics.</summary>
    public QueryStatistics? Statistics(int head) => _statistics.Length == 0 ? null : _statistics[head];

    /// <summary>What a head keeps, heads counted over all layers; only where the policy says so for each.</summary>
    public ChosenStrategy? Strategy(int head) => _strategies.Length == 0 ? null : _strategies[head];

    /// <summary>The blocks of a layer; null if steps attend to all rows that are held.</summary>
    public BlockMemory? Blocks(int layer) => _blocks.Length == 0 ? null : _blocks[layer];

    /// <summary>Sizes everything for a sequence's capacity.</summary>
    public void Resize(int capacity)
    {
        foreach (BlockMemory? layer in _blocks)
            layer?.Resize(capacity);
        Kinds?.Reserve(capacity);
    }

    /// <summary>The same notes, which are other ones from now on.</summary>
    public AttentionNotes Copy()
    {
        AttentionNotes copy = new(new QueryWindow?[_windows.Length], new QueryStatistics?[_statistics.Length], [.. _blocks.Select(layer => layer?.Copy())],
            [.. _strategies.Select(head => head?.Copy())])
        {
            Kinds = Kinds?.Copy(),
            TokensRead = TokensRead is null ? null : [.. TokensRead],
        };
        try
        {
            for (int i = 0; i < _windows.Length; i++)
                copy._windows[i] = _windows[i]?.Copy();
            for (int i = 0; i < _statistics.Length; i++)
                copy._statistics[i] = _statistics[i]?.Copy();
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
        foreach (QueryStatistics? statistics in _statistics)
            statistics?.Dispose();
    }

    private static int WindowWidth(ModelConfig config) => config.QueriesPerKeyValueHead * config.HeadSize;

    // One for each head of the layers that look back without limit.
    private static T?[] Each<T>(ModelConfig config, int heads, Func<T> create)
        where T : class =>
        [.. Enumerable.Range(0, config.Layers * heads).Select(head => config.IsBounded(head / heads) ? null : create())];
}
