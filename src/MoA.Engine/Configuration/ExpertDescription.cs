namespace MoA.Engine.Configuration;

/// <summary>A feed-forward network of which each token uses some of several: a router scores them, the best are run, and their outputs are added up by weight.</summary>
internal sealed record ExpertDescription
{
    /// <summary>Experts of the layer; at least 1.</summary>
    public required int Count { get; init; }

    /// <summary>Those that a token uses; from 1 to <see cref="Count"/>.</summary>
    public required int Used { get; init; }

    /// <summary>
    /// Whether the weights of a token's experts add up to 1, which is the softmax over their scores alone; else they are those of the softmax over all experts.
    /// </summary>
    public bool IsNormalized { get; init; } = true;

    /// <summary>Whether router and experts add biases.</summary>
    public bool HasBiases { get; init; }
}
