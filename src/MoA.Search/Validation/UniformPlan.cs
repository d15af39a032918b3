using MoA.Engine.Attention;
using MoA.Engine.Configuration;

namespace MoA.Search.Validation;

/// <summary>The rival of equal memory: one span for all heads.</summary>
internal static class UniformPlan
{
    /// <summary>
    /// The shortest uniform rule (alpha 0) of whole blocks that stores at least as many rows at a length as a policy, so that
    /// the rival never has less. Layers with a window of their own store no more than that, whatever the rule.
    /// </summary>
    public static StreamingLlmPolicy OfEqualDensity(AttentionPolicy policy, ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(policy);
        double density = policy.Density(config, length);
        for (int rows = ElasticRule.MinimumRows; rows < length; rows += ElasticRule.BlockSize)
        {
            StreamingLlmPolicy rival = new(new ElasticRule(0, (double)rows / length));
            if (rival.Density(config, length) >= density)
                return rival;
        }

        return new StreamingLlmPolicy(ElasticRule.Dense);
    }
}
