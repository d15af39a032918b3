using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// Decides which rows of the past each head keeps and sees. The forward pass does not know which policy runs: a sequence's
/// caches are made to its spans, and those of <see cref="EvictionPolicy"/> and <see cref="InfLlmPolicy"/> note besides how
/// much attention their rows get.
/// </summary>
public abstract class AttentionPolicy
{
    /// <summary>The name on the command line and in reports.</summary>
    public abstract string Name { get; }

    /// <summary>The rule of one query head.</summary>
    /// <param name="layer">Layer.</param>
    /// <param name="queryHead">Query head.</param>
    /// <param name="config">The model.</param>
    /// <param name="length">Prompt and new tokens together.</param>
    public abstract ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length);

    /// <summary>The spans of every layer for a sequence that will hold <paramref name="length"/> tokens.</summary>
    /// <param name="config">The model.</param>
    /// <param name="length">Prompt and new tokens together, at least 1.</param>
    public LayerSpans[] Resolve(ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        LayerSpans[] layers = new LayerSpans[config.Layers];
        for (int layer = 0; layer < layers.Length; layer++)
            layers[layer] = ResolveLayer(config, layer, length);
        return layers;
    }

    /// <summary>Kept share of a full cache at a length, averaged over all KV heads, in whole blocks.</summary>
    public virtual double Density(ModelConfig config, int length)
    {
        long kept = Resolve(config, length).Sum(layer => layer.StoredRows);
        long full = (long)config.Layers * config.KeyValueHeads * ElasticRule.Dense.Rows(length);
        return Math.Min(1, (double)kept / full);
    }

    /// <summary>
    /// Everything that decides what the policy does with a sequence, as text: policies that agree here give equal results,
    /// and may share those that were kept.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="length">Prompt and new tokens together.</param>
    public virtual string Describe(ModelConfig config, int length) => string.Join(
        ';', Resolve(config, length).Select(layer => string.Join(',', layer.VisibleRing.Concat(layer.StoredRing))));

    /// <summary>Refuses layers that do not attend to everything, for policies that choose rows themselves.</summary>
    /// <exception cref="InvalidInputException">The layer has a window of its own.</exception>
    private protected void RequireFullAttention(ModelConfig config, int layer)
    {
        if (config.SlidingWindow(layer) is int window)
        {
            throw new InvalidInputException(
                $"policy {Name}: layer {layer} of the model attends within a window of {window} tokens; {Name} needs a model with "
                + "full attention. Use "
                + $"{DensePolicy.CommandName}, {StreamingLlmPolicy.CommandName} or a plan");
        }
    }

    private LayerSpans ResolveLayer(ModelConfig config, int layer, int length)
    {
        int group = config.QueryHeads / config.KeyValueHeads;
        int window = config.SlidingWindow(layer) ?? int.MaxValue;
        int[] visible = new int[config.QueryHeads];
        int[] stored = new int[config.KeyValueHeads];
        for (int head = 0; head < visible.Length; head++)
        {
            visible[head] = RuleOf(layer, head, config, length).RingRows(length);
            stored[head / group] = Math.Max(stored[head / group], visible[head]);
        }

        // A model with a window of its own never looks past it, so no ring need be longer. Prefill masks whole blocks:
        // the window's oldest token may lie one block further back than its length in blocks says.
        if (window < length)
        {
            int reach = (int)Math.Min((long)ElasticRule.WholeBlocks(window) + ElasticRule.BlockSize, ElasticRule.WholeBlocks(length));
            Limit(visible, reach);
            Limit(stored, reach);
        }

        return new LayerSpans(stored, visible, window);
    }

    private static void Limit(int[] rows, int most)
    {
        for (int i = 0; i < rows.Length; i++)
            rows[i] = Math.Min(rows[i], most);
    }
}
