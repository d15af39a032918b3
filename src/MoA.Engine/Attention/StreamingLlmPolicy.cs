using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// StreamingLLM (arXiv 2309.17453): sinks and one recent window, the same for all heads. Differs from the paper in the
/// sink, which is 64 tokens here as in MoA, and in positions, which stay the true ones.
/// </summary>
internal sealed class StreamingLlmPolicy : AttentionPolicy
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "streaming-llm";

    /// <summary>Uses one rule for every head, e.g. alpha 0 and beta 0.5 for half of every length.</summary>
    public StreamingLlmPolicy(ElasticRule rule) => Rule = rule;

    /// <summary>The rule of every head.</summary>
    public ElasticRule Rule { get; }

    /// <inheritdoc/>
    public override string Name => CommandName;

    /// <inheritdoc/>
    internal override ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length) => Rule;
}
