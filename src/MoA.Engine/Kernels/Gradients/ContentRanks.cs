using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// In which order the keys of one layer would stay under a plan with content inside, each time that a piece of the item has been read: by it
/// influence is summed, so that what a number of rows loses is what the keys of higher ranks are worth (docs/method.md, section 3).
/// </summary>
internal sealed class ContentRanks
{
    private readonly int[][] _ranks;
    private readonly int _pieces;
    private readonly int _piece;

    private ContentRanks(int keyValueHeads, int pieces, int piece)
    {
        _ranks = new int[keyValueHeads * pieces][];
        _pieces = pieces;
        _piece = piece;
    }

    /// <summary>Integers that the ranks of an item take.</summary>
    /// <param name="keyValueHeads">KV heads of the layer.</param>
    /// <param name="rows">Tokens of the item.</param>
    /// <param name="piece">Tokens of a piece.</param>
    public static long Count(int keyValueHeads, int rows, int piece)
    {
        long pieces = (rows - 1) / piece;
        return keyValueHeads * piece * pieces * (pieces + 1) / 2;
    }

    /// <summary>The ranks of the keys before a piece, the best 0, as its queries find them.</summary>
    /// <param name="keyValueHead">KV head.</param>
    /// <param name="query">A query of the piece.</param>
    public ReadOnlySpan<int> Of(int keyValueHead, int query) => query < _piece ? [] : _ranks[keyValueHead * _pieces + query / _piece - 1];

    /// <summary>Ranks the keys of a layer.</summary>
    /// <param name="policy">Who chooses, how often, and what stays whatever its score.</param>
    /// <param name="config">The model.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="shape">Rows, heads, and what becomes of scores.</param>
    /// <param name="backend">The processor.</param>
    /// <param name="queries">[rows, queryHeads·d], after RoPE.</param>
    /// <param name="keys">[rows, keyValueHeads·d], after RoPE.</param>
    /// <param name="values">[rows, keyValueHeads·d].</param>
    /// <param name="outputs">[rows, queryHeads·d]; overwritten.</param>
    public static ContentRanks Take(
        ContentPlanPolicy policy, ModelConfig config, int layer, in AttentionShape shape, ComputeBackend backend, Tensor queries, Tensor keys, Tensor values,
        Tensor outputs)
    {
        int piece = policy.PieceTokens, pieces = (shape.Rows - 1) / piece;
        ContentRanks ranks = new(shape.KeyValueHeads, pieces, piece);
        ModelConfig oneLayer = config with { LayerDescriptions = [config.LayerDescriptions[layer]] };
        AttentionWork work = new(oneLayer);
        using SequenceCache cache = new(oneLayer, new RankingPolicy(policy.Scorer, piece), shape.Rows, ElementType.F32, backend.CacheMemory);
        for (int i = 0; i < pieces; i++)
        {
            int start = i * piece, length = start + piece;
            work.Clear();
            work.Add(cache, piece, AttentionMode.Prefill);
            backend.Prepare(work);
            backend.Attend(work, 0, queries.From(start), keys.From(start), values.From(start), outputs, shape.Traits);
            cache.Advance(piece);
            for (int head = 0; head < shape.KeyValueHeads; head++)
            {
                RowRanking byScore = cache.Head(0, head).Tokens!.Rank(0, length, policy.Scorer.Pooling);
                ranks._ranks[head * pieces + i] = Order(policy, byScore);
            }
        }

        return ranks;
    }

    // Of as many rows as a rank leaves, the first and the last tokens that the policy protects are sure to stay, and the others are those of best score: each
    // row more adds one that the rows before do not have.
    private static int[] Order(ContentPlanPolicy policy, RowRanking byScore)
    {
        int length = byScore.Count, sink = 0, recent = 0, scored = 0;
        int[] ranks = new int[length];
        ranks.AsSpan().Fill(-1);
        for (int rank = 0; rank < length; rank++)
        {
            int rows = rank + 1, row = -1;
            while (row < 0 && sink < Math.Min(policy.SinkTokens(rows), length))
                row = Free(sink++);
            while (row < 0 && recent < Math.Min(policy.RecentTokens(rows), length))
                row = Free(length - ++recent);
            while (row < 0)
                row = Free(byScore[scored++]);
            ranks[row] = rank;
        }

        return ranks;

        int Free(int row) => ranks[row] < 0 ? row : -1;
    }
}
