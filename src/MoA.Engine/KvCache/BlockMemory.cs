using MoA.Engine.Attention;

namespace MoA.Engine.KvCache;

/// <summary>
/// What <see cref="InfLlmPolicy"/> knows of one layer's rows: the attention that tokens got while they were in the local
/// window, the keys that represent the blocks behind it, and the blocks chosen for the step.
/// </summary>
internal sealed class BlockMemory
{
    private const int Block = ElasticRule.BlockSize;

    private readonly InfLlmPolicy _policy;
    private readonly int _keyWidth;
    private readonly float[][] _received;
    private float[] _representatives = [];
    private float[] _scores = [];
    private int[] _chosen = [];

    /// <param name="policy">The policy.</param>
    /// <param name="keyValueHeads">KV heads of the layer.</param>
    /// <param name="headSize">Components of a head.</param>
    public BlockMemory(InfLlmPolicy policy, int keyValueHeads, int headSize)
    {
        _policy = policy;
        _keyWidth = keyValueHeads * headSize;
        _received = [.. Enumerable.Range(0, keyValueHeads).Select(_ => Array.Empty<float>())];
    }

    public int RepresentativeTokens => _policy.Representatives;

    /// <summary>Tokens whose queries count for a token, its own included.</summary>
    public int LocalTokens { get; private set; }

    /// <summary>Blocks, from the sink's on, whose representative keys are known. The sink's is never asked for.</summary>
    public int Represented { get; set; } = 1;

    /// <summary>First position of the local window and what stands before it in its first block.</summary>
    public int RecentStart { get; private set; }

    /// <summary>The chosen blocks, ascending.</summary>
    public ReadOnlySpan<int> Chosen => _chosen.AsSpan(0, ChosenCount);

    public int ChosenCount { get; private set; }

    /// <summary>The same notes, which are other ones from now on.</summary>
    public BlockMemory Copy()
    {
        BlockMemory copy = new(_policy, _received.Length, _keyWidth / _received.Length)
        {
            _representatives = [.. _representatives],
            _scores = [.. _scores],
            _chosen = [.. _chosen],
            LocalTokens = LocalTokens,
            Represented = Represented,
            RecentStart = RecentStart,
            ChosenCount = ChosenCount,
            MostChosen = MostChosen,
        };
        for (int head = 0; head < _received.Length; head++)
            copy._received[head] = [.. _received[head]];
        return copy;
    }

    /// <summary>Sizes everything for a sequence's capacity.</summary>
    public void Resize(int capacity)
    {
        LocalTokens = _policy.LocalTokens(capacity);
        for (int head = 0; head < _received.Length; head++)
            Array.Resize(ref _received[head], capacity);
        int blocks = capacity / Block + 1;
        Array.Resize(ref _representatives, blocks * _keyWidth);
        Array.Resize(ref _scores, blocks);
        Array.Resize(ref _chosen, blocks);
        MostChosen = _policy.ChosenBlocks(capacity);
    }

    /// <summary>The attention that the tokens of a head got, by position.</summary>
    public Span<float> Received(int keyValueHead) => _received[keyValueHead];

    /// <summary>The keys that represent a block, of all KV heads.</summary>
    public Span<float> Representative(int block) => _representatives.AsSpan(block * _keyWidth, _keyWidth);

    /// <summary>The scores of the blocks, to be filled before <see cref="Choose"/>.</summary>
    public Span<float> Scores => _scores;

    private int MostChosen { get; set; }

    /// <summary>Where the local window begins for a query, and with it which blocks lie behind it.</summary>
    /// <param name="length">Tokens up to the query's own.</param>
    public void Advance(int length) => RecentStart = Math.Max(length - LocalTokens, Block) / Block * Block;

    /// <summary>Chooses the blocks behind the window, sink aside, that have the largest scores.</summary>
    public void Choose()
    {
        int blocks = RecentStart / Block - 1;
        Span<int> order = _chosen.AsSpan(0, blocks);
        for (int i = 0; i < blocks; i++)
            order[i] = i + 1;
        ChosenCount = Math.Min(blocks, MostChosen);
        if (ChosenCount == blocks)
            return;
        // The largest scores to the end, then their blocks in order.
        _scores.AsSpan(1, blocks).Sort(order);
        order[^ChosenCount..].CopyTo(order);
        order[..ChosenCount].Sort();
    }
}
