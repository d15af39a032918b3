using MoA.Engine.Attention;

namespace MoA.Search.Optimization;

/// <summary>
/// The loss of every rule for every head: the influence that the rule's mask hides (docs/method.md, section 4).
/// </summary>
internal static class RuleLoss
{
    /// <summary>Losses of all rules for all heads at one length.</summary>
    /// <param name="blockSums">
    /// [layers, heads, T, T] with T = ceil(length / b): influence summed over each square of the rules' blocks of b tokens. Entries above the
    /// diagonal of blocks are not read.
    /// </param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="heads">Query heads of a layer.</param>
    /// <param name="length">Sequence length N in tokens.</param>
    /// <param name="rules">Candidate rules, R of them, that count in the same blocks.</param>
    /// <returns>[layers, heads, R]: loss in nats to first order, 0 for a rule that keeps everything.</returns>
    /// <exception cref="ArgumentException">The sums do not have layers·heads·T·T entries.</exception>
    public static double[] Compute(
        ReadOnlySpan<float> blockSums, int layers, int heads, int length, IReadOnlyList<ElasticRule> rules)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(layers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(heads);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentNullException.ThrowIfNull(rules);
        int block = rules.Count > 0 ? rules[0].Block : ElasticRule.BlockSize, blocks = (length + block - 1) / block;
        if (blockSums.Length != (long)layers * heads * blocks * blocks)
        {
            throw new ArgumentException(
                $"Expected {layers}×{heads}×{blocks}×{blocks} block sums, read {blockSums.Length}.", nameof(blockSums));
        }

        int[] band = [.. rules.Select(rule => Math.Min(rule.RingRows(length) / block, blocks))];
        double[] losses = new double[layers * heads * rules.Count];
        double[] hidden = new double[blocks + 1];
        for (int head = 0; head < layers * heads; head++)
        {
            HiddenByBand(blockSums.Slice(head * blocks * blocks, blocks * blocks), blocks, hidden);
            for (int rule = 0; rule < rules.Count; rule++)
                losses[head * rules.Count + rule] = hidden[band[rule]];
        }

        return losses;
    }

    /// <summary>Losses of KV heads: the sum over the query heads of each group.</summary>
    /// <param name="losses">[layers, queryHeads, R] as <see cref="Compute"/> returns them.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="queryHeads">Query heads of a layer.</param>
    /// <param name="keyValueHeads">KV heads of a layer; divides the query heads.</param>
    /// <returns>[layers, keyValueHeads, R].</returns>
    /// <exception cref="ArgumentException">The shapes do not fit each other.</exception>
    public static double[] OfKeyValueHeads(ReadOnlySpan<double> losses, int layers, int queryHeads, int keyValueHeads)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(layers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(queryHeads);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(keyValueHeads);
        if (queryHeads % keyValueHeads != 0)
        {
            throw new ArgumentException(
                $"{queryHeads} query heads cannot share {keyValueHeads} KV heads.", nameof(keyValueHeads));
        }

        if (losses.Length % (layers * queryHeads) != 0)
            throw new ArgumentException($"{losses.Length} losses do not fit {layers}×{queryHeads} heads.", nameof(losses));

        int rules = losses.Length / (layers * queryHeads);
        int group = queryHeads / keyValueHeads;
        double[] grouped = new double[layers * keyValueHeads * rules];
        for (int head = 0; head < layers * queryHeads; head++)
        {
            for (int rule = 0; rule < rules; rule++)
                grouped[head / group * rules + rule] += losses[head * rules + rule];
        }

        return grouped;
    }

    /// <summary>
    /// hidden[w] becomes the sum of the causal blocks that a band of w blocks and the sink block leave out: those with
    /// 0 &lt; kb &lt;= qb - w. The blocks at distance d = qb - kb are hidden by the bands w &lt;= d.
    /// </summary>
    private static void HiddenByBand(ReadOnlySpan<float> sums, int blocks, double[] hidden)
    {
        Array.Clear(hidden);
        for (int query = 0; query < blocks; query++)
        {
            for (int key = 1; key <= query; key++)
                hidden[query - key] += sums[query * blocks + key];
        }

        for (int distance = blocks - 1; distance >= 0; distance--)
            hidden[distance] += hidden[distance + 1];
    }
}
