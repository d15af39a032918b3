using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// Two classes of KV heads, as in DuoAttention (arXiv 2410.10819) and RazorAttention (arXiv 2407.15891): retrieval heads,
/// those of the largest scores, keep everything; the others keep the sink and one recent window. Layers with sliding windows
/// of their own hold these, and count in the density.
/// </summary>
internal sealed class TwoClassPolicy : AttentionPolicy
{
    /// <summary>DuoAttention's name on the command line and in reports.</summary>
    public const string DuoName = "duo-attention";

    /// <summary>RazorAttention's name on the command line and in reports.</summary>
    public const string RazorName = "razor-attention";

    private readonly int[][] _ranks;

    private TwoClassPolicy(
        string name, IReadOnlyList<IReadOnlyList<double>> scores, ElasticRule streaming, double? density, double retrievalShare)
    {
        ArgumentNullException.ThrowIfNull(scores);
        Name = name;
        _ranks = RanksOf(scores);
        Streaming = streaming;
        DensityBound = density;
        RetrievalShare = retrievalShare;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>
    /// The place of each head in the order of falling scores, [layers][KV heads]: all that the policy takes from the scores.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<int>> Ranks => _ranks;

    /// <summary>What heads keep that are no retrieval heads.</summary>
    public ElasticRule Streaming { get; }

    /// <summary>Bound of the mean density, or null where the share of retrieval heads is given.</summary>
    public double? DensityBound { get; }

    /// <summary>Share of the KV heads that keep everything, where no bound is given.</summary>
    public double RetrievalShare { get; }

    /// <summary>A policy whose mean density is at most a bound, at every length that the bound allows two classes at.</summary>
    /// <param name="name">Name for reports.</param>
    /// <param name="scores">[layers][KV heads]: the larger, the more a head needs the whole context.</param>
    /// <param name="streaming">What heads keep that are no retrieval heads; shortened where it exceeds the bound alone.</param>
    /// <param name="density">Bound of the mean density, above 0 and up to 1.</param>
    public static TwoClassPolicy OfDensity(
        string name, IReadOnlyList<IReadOnlyList<double>> scores, ElasticRule streaming, double density) =>
        new(name, scores, streaming, density, 0);

    /// <summary>A policy with a given share of retrieval heads.</summary>
    /// <param name="name">Name for reports.</param>
    /// <param name="scores">[layers][KV heads]: the larger, the more a head needs the whole context.</param>
    /// <param name="streaming">What heads keep that are no retrieval heads.</param>
    /// <param name="retrievalShare">Share of the model's KV heads that keep everything, 0 to 1.</param>
    public static TwoClassPolicy OfRetrievalShare(
        string name, IReadOnlyList<IReadOnlyList<double>> scores, ElasticRule streaming, double retrievalShare) =>
        new(name, scores, streaming, null, retrievalShare);

    /// <inheritdoc/>
    internal override ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config.IsBounded(layer))
            return ElasticRule.Dense;
        int rank = _ranks[layer][queryHead / config.QueriesPerKeyValueHead];
        if (config.UnboundedLayers.Count < config.Layers)
            rank = config.UnboundedLayers.Sum(other => _ranks[other].Count(place => place < rank));
        return rank < RetrievalHeads(config, length) ? ElasticRule.Dense : StreamingRule(config, length);
    }

    /// <summary>How many KV heads of the layers that look back without limit keep everything at a length.</summary>
    public int RetrievalHeads(ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        int heads = config.UnboundedLayers.Count * config.KeyValueHeads;
        if (BoundOf(config, length) is not double bound)
            return (int)Math.Round(RetrievalShare * heads);
        double least = Streaming.Density(length);
        if (least >= 1)
            return bound >= 1 ? heads : 0;
        const double Rounding = 1e-9;
        return Math.Clamp((int)(heads * (bound - least) / (1 - least) + Rounding), 0, heads);
    }

    private ElasticRule StreamingRule(ModelConfig config, int length) =>
        BoundOf(config, length) is double bound && Streaming.Density(length) > bound ? new ElasticRule(0, Math.Max(0, bound)) : Streaming;

    // What the windows of other layers leave of the bound to those that look back without limit, for each of these.
    private double? BoundOf(ModelConfig config, int length)
    {
        double dense = DensityOf(ElasticRule.Dense, config, length);
        return DensityBound is double bound ? 1 - (dense - bound) * config.Layers / Math.Max(1, config.UnboundedLayers.Count) : null;
    }

    // The place of each head in the order of falling scores; of equal ones the earlier head comes first.
    private static int[][] RanksOf(IReadOnlyList<IReadOnlyList<double>> scores)
    {
        int[][] ranks = [.. scores.Select(layer => new int[layer.Count])];
        int rank = 0;
        foreach ((int layer, int head) in scores
            .SelectMany((row, layer) => row.Select((score, head) => (Layer: layer, Head: head, Score: score)))
            .OrderByDescending(entry => entry.Score)
            .Select(entry => (entry.Layer, entry.Head)))
        {
            ranks[layer][head] = rank++;
        }

        return ranks;
    }
}
