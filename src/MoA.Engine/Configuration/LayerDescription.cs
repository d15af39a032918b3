namespace MoA.Engine.Configuration;

/// <summary>
/// What a layer is: all that the forward and the backward pass, caches and estimates need to know of it beyond the sizes that all
/// layers share. A <see cref="ModelFamily"/> fills it; what is not said is as in Llama.
/// </summary>
internal sealed record LayerDescription
{
    /// <summary>The layer's own sliding window W in tokens (position i sees j with i - W &lt; j ≤ i), at least 1; null where it sees everything.</summary>
    public int? Window { get; init; }

    /// <summary>Rotary position embedding; null where queries and keys are not turned.</summary>
    public RopeSettings? Rope { get; init; }

    /// <summary>What the products of queries and keys are multiplied by, above 0; null for 1/√d of the head size d.</summary>
    public double? AttentionScale { get; init; }

    /// <summary>c where scores s, once scaled, become c·tanh(s/c) before the softmax, above 0; null where they stay.</summary>
    public double? AttentionSoftCap { get; init; }

    /// <summary>Whether the softmax has one more score for each query head, a weight, whose share goes nowhere.</summary>
    public bool HasSinks { get; init; }

    /// <summary>Norms of queries and keys.</summary>
    public QueryKeyNorm QueryKeyNorm { get; init; }

    /// <summary>Where the norms of attention and feed-forward stand.</summary>
    public NormPlacement Norms { get; init; }

    /// <summary>What the outputs of attention and feed-forward are multiplied by before they are added to the residual stream.</summary>
    public double ResidualScale { get; init; } = 1;

    /// <summary>The feed-forward network.</summary>
    public required FeedForwardDescription FeedForward { get; init; }
}
