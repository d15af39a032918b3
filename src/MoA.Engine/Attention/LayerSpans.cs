namespace MoA.Engine.Attention;

/// <summary>
/// What the heads of one layer keep and see for a sequence of a fixed length: the resolved form of a policy's rules.
/// </summary>
/// <param name="Stored">[KV heads] the rows that each KV head stores.</param>
/// <param name="VisibleRing">[query heads] how many of the last tokens each query head attends to besides those of the sink,
/// within the window.</param>
/// <param name="SlidingWindow">The model's own window in tokens: position i sees j &gt; i − window; int.MaxValue if none.</param>
internal sealed record LayerSpans(HeadLayout[] Stored, int[] VisibleRing, int SlidingWindow)
{
    /// <summary>Tokens in the blocks that prefill masks, and in the sink.</summary>
    public int Block { get; init; } = ElasticRule.BlockSize;

    /// <summary>Rows stored by all KV heads of the layer.</summary>
    public long StoredRows => Stored.Sum(head => (long)head.Rows);
}
