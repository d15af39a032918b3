namespace MoA.Engine.Kernels;

/// <summary>
/// What a layer's attention does with the products of queries and keys besides the softmax. The default is Llama's: scores are the
/// products over √d of the head size d.
/// </summary>
internal readonly record struct AttentionTraits
{
    /// <summary>What products are multiplied by, above 0; 0 for 1/√d.</summary>
    public float Scale { get; init; }

    /// <summary>c where scores s, once scaled, become c·tanh(s/c), above 0; 0 where they stay.</summary>
    public float SoftCap { get; init; }

    /// <summary>
    /// One more score for each query head, not scaled: a row that everybody sees and that holds nothing, so that its share of the softmax
    /// goes nowhere. Null where there is none.
    /// </summary>
    public float[]? Sinks { get; init; }

    /// <summary>What products of heads of <paramref name="headSize"/> components are multiplied by.</summary>
    public float ScaleOf(int headSize) => Scale > 0 ? Scale : 1f / MathF.Sqrt(headSize);
}
