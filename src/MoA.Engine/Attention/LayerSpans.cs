namespace MoA.Engine.Attention;

/// <summary>
/// What the heads of one layer keep and see for a sequence of a fixed length: the resolved form of a policy's rules.
/// </summary>
/// <param name="StoredRing">[KV heads] rows of the ring that each KV head stores besides the sink's 64.</param>
/// <param name="VisibleRing">[query heads] the part of its KV head's ring that each query head attends to.</param>
/// <param name="SlidingWindow">The model's own window in tokens: position i sees j &gt; i − window; int.MaxValue if none.</param>
public sealed record LayerSpans(int[] StoredRing, int[] VisibleRing, int SlidingWindow)
{
    /// <summary>Rows stored by all KV heads of the layer.</summary>
    public long StoredRows => StoredRing.Sum(ring => (long)ring + ElasticRule.SinkTokens);
}
