namespace MoA.Engine.Configuration;

/// <summary>The feed-forward network of a layer: down·activation(gate·x, up·x), one, or one of several experts.</summary>
internal sealed record FeedForwardDescription
{
    /// <summary>Width between its projections, of an expert where there are several; at least 1.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>What is done with gate and up.</summary>
    public Activation Activation { get; init; }

    /// <summary>The experts, or null for one network that every token uses.</summary>
    public ExpertDescription? Experts { get; init; }
}
