using MoA.Engine.Attention.Prefill;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// Decides which rows of the past each head keeps and sees. The forward pass does not know which policy runs: a sequence's
/// caches are made to its spans, and those of <see cref="EvictionPolicy"/> and <see cref="InfLlmPolicy"/> note besides how
/// much attention their rows get.
/// </summary>
public abstract class AttentionPolicy
{
    private protected AttentionPolicy()
    {
    }

    /// <summary>Keeps everything.</summary>
    public static AttentionPolicy Dense { get; } = new DensePolicy();

    /// <summary>The name on the command line and in reports.</summary>
    public abstract string Name { get; }

    /// <summary>What the queries of prompts attend to of what they may; null for all.</summary>
    internal PrefillPolicy? Prefill { get; private set; }

    /// <summary>The name, with that of the prefill policy.</summary>
    public string FullName => Prefill is null ? Name : $"{Name}+{Prefill.Name}";

    /// <summary>The same policy with another for the queries of prompts.</summary>
    internal AttentionPolicy With(PrefillPolicy? prefill)
    {
        AttentionPolicy policy = (AttentionPolicy)MemberwiseClone();
        policy.Prefill = prefill;
        return policy;
    }

    /// <summary>
    /// Everything that decides what comes out of a sequence, as text: policies that agree here give equal results, and may share those that were kept.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="length">Prompt and new tokens together.</param>
    internal string Identity(ModelConfig config, int length) =>
        Prefill is null ? Describe(config, length) : $"{Describe(config, length)}+{Prefill.Identity}";

    /// <summary>The rule of one query head.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="queryHead">Query head.</param>
    /// <param name="config">The model.</param>
    /// <param name="length">Prompt and new tokens together.</param>
    internal abstract ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length);

    /// <summary>The spans of every layer for a sequence that will hold <paramref name="length"/> tokens.</summary>
    /// <param name="config">The model.</param>
    /// <param name="length">Prompt and new tokens together, at least 1.</param>
    internal LayerSpans[] Resolve(ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        LayerSpans[] layers = new LayerSpans[config.Layers];
        for (int layer = 0; layer < layers.Length; layer++)
            layers[layer] = ResolveLayer(config, layer, length);
        return layers;
    }

    /// <summary>Kept rows at a length, averaged over all KV heads, as a share of what layers without windows keep in all.</summary>
    internal virtual double Density(ModelConfig config, int length)
    {
        LayerSpans[] layers = Resolve(config, length);
        long kept = layers.Sum(layer => layer.StoredRows);
        long full = config.KeyValueHeads * layers.Sum(layer => (long)(ElasticRule.Dense with { Block = layer.Block }).Rows(length));
        return Math.Min(1, (double)kept / full);
    }

    /// <summary>
    /// Everything that decides which rows the policy keeps of a sequence, as text; <see cref="Identity"/> says the rest.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="length">Prompt and new tokens together.</param>
    internal virtual string Describe(ModelConfig config, int length) => string.Join(
        ';', Resolve(config, length).Select(layer => string.Join(',', layer.VisibleRing.Concat(layer.Stored.Select(head => head.Rows - head.Sink))) + (layer.Block == ElasticRule.BlockSize ? "" : $"/{layer.Block}")));

    /// <summary>The rows that a KV head stores while a prompt is read, where they are fewer than those that its rule shows.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="keyValueHead">KV head.</param>
    /// <param name="config">The model.</param>
    /// <param name="length">Prompt and new tokens together.</param>
    /// <param name="rows">What the rules of its query heads show.</param>
    private protected virtual int StoredRows(int layer, int keyValueHead, ModelConfig config, int length, int rows) => rows;

    /// <summary>Refuses models without a layer that looks back without limit, for policies that choose rows of these.</summary>
    /// <exception cref="InvalidInputException">All layers have windows of their own.</exception>
    private protected void RequireUnboundedLayer(ModelConfig config)
    {
        if (config.UnboundedLayers.Count == 0)
        {
            throw new InvalidInputException(
                $"policy {Name}: every layer of the model attends within a window of {config.LayerDescriptions.Max(layer => layer.Window)} tokens at most; {Name} "
                + $"chooses among the rows of layers that look back without limit. Use {DensePolicy.CommandName}, "
                + $"{StreamingLlmPolicy.CommandName} or a plan");
        }
    }

    /// <summary>The density where a rule sizes the layers that look back without limit, and the others hold their windows.</summary>
    private protected static double DensityOf(ElasticRule rule, ModelConfig config, int length)
    {
        int full = ElasticRule.Dense.Rows(length);
        return Enumerable.Range(0, config.Layers)
            .Average(layer => (double)Math.Min((config.IsBounded(layer) ? config.SlidingWindow(layer) : null) ?? rule.Rows(length), full) / full);
    }

    private LayerSpans ResolveLayer(ModelConfig config, int layer, int length)
    {
        int group = config.QueryHeads / config.KeyValueHeads;
        int window = config.SlidingWindow(layer) ?? int.MaxValue;
        int[] visible = new int[config.QueryHeads];
        int[] rows = new int[config.KeyValueHeads];
        int block = RuleOf(layer, 0, config, length).Block;
        // Prefill masks whole blocks: the window's oldest token may lie one block further back than its length in blocks says.
        int reach = window < length
            ? (int)Math.Min((long)ElasticRule.WholeBlocks(window, block) + block, ElasticRule.WholeBlocks(length, block))
            : int.MaxValue;
        for (int head = 0; head < visible.Length; head++)
        {
            ElasticRule rule = RuleOf(layer, head, config, length);
            visible[head] = Math.Min(rule.RingRows(length), reach);
            rows[head / group] = Math.Max(rows[head / group], rule.Rows(length));
        }

        return new LayerSpans([.. rows.Select((kept, head) => HeadLayout.Of(StoredRows(layer, head, config, length, kept), window, block))], visible, window) { Block = block };
    }
}
