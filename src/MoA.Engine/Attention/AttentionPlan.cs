namespace MoA.Engine.Attention;

/// <summary>
/// A rule for every head of every layer: what a search finds and what an engine runs. Files are read and written by
/// PlanFile.
/// </summary>
internal sealed class AttentionPlan
{
    private readonly ElasticRule[][] _rules;

    /// <summary>Creates a plan from one row of rules per layer.</summary>
    /// <param name="rules">[layers][heads]; every layer has the same number of heads.</param>
    /// <param name="headKind">Whether the heads are query heads or KV heads.</param>
    /// <exception cref="ArgumentException">There is no layer or no head, the rows differ in length, or the rules in their blocks.</exception>
    public AttentionPlan(IReadOnlyList<IReadOnlyList<ElasticRule>> rules, HeadKind headKind)
    {
        ArgumentNullException.ThrowIfNull(rules);
        if (rules.Count == 0 || rules[0].Count == 0)
            throw new ArgumentException("A plan needs at least one layer and one head.", nameof(rules));
        if (rules.Any(layer => layer.Count != rules[0].Count))
            throw new ArgumentException("Every layer of a plan needs the same number of heads.", nameof(rules));
        if (rules.Any(layer => layer.Any(rule => rule.Block != rules[0][0].Block)))
            throw new ArgumentException("All rules of a plan count in blocks of one size.", nameof(rules));
        _rules = [.. rules.Select(layer => layer.ToArray())];
        HeadKind = headKind;
    }

    /// <summary>Number of layers.</summary>
    public int Layers => _rules.Length;

    /// <summary>Number of heads that have a rule of their own in each layer.</summary>
    public int HeadsPerLayer => _rules[0].Length;

    /// <summary>Whether the rules are per query head or per KV head.</summary>
    public HeadKind HeadKind { get; }

    /// <summary>Tokens in the blocks that the rules count in; the sink is one.</summary>
    public int Block => _rules[0][0].Block;

    /// <summary>The rule of one head.</summary>
    public ElasticRule this[int layer, int head] => _rules[layer][head];

    /// <summary>One rule for all heads (StreamingLLM is the case alpha = constant, beta = 0).</summary>
    public static AttentionPlan Uniform(int layers, int heads, HeadKind headKind, ElasticRule rule) =>
        new([.. Enumerable.Repeat(Enumerable.Repeat(rule, heads).ToArray(), layers)], headKind);

    /// <summary>
    /// Rows that a KV head stores for a sequence of <paramref name="length"/> tokens: its rule's, or the largest among
    /// its group of query heads.
    /// </summary>
    /// <param name="layer">Layer.</param>
    /// <param name="keyValueHead">KV head.</param>
    /// <param name="keyValueHeads">KV heads of the model's layers.</param>
    /// <param name="length">Sequence length N in tokens.</param>
    public int StoredRows(int layer, int keyValueHead, int keyValueHeads, int length)
    {
        if (HeadKind == HeadKind.KeyValue)
            return _rules[layer][keyValueHead].Rows(length);
        int group = HeadsPerLayer / keyValueHeads;
        int rows = 0;
        for (int head = keyValueHead * group; head < (keyValueHead + 1) * group; head++)
            rows = Math.Max(rows, _rules[layer][head].Rows(length));
        return rows;
    }

    /// <summary>Mean over all stored KV heads of their rows, as a share of a full cache, both in whole blocks.</summary>
    public double StoredDensity(int keyValueHeads, int length)
    {
        int full = ElasticRule.WholeBlocks(length, Block);
        double sum = 0;
        for (int layer = 0; layer < Layers; layer++)
        {
            for (int head = 0; head < keyValueHeads; head++)
                sum += (double)Math.Min(StoredRows(layer, head, keyValueHeads, length), full) / full;
        }

        return sum / (Layers * keyValueHeads);
    }
}
