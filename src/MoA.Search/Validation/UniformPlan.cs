using MoA.Engine.Attention;
using MoA.Engine.Models;

namespace MoA.Search.Validation;

/// <summary>The rival of equal memory: one span for all heads.</summary>
public static class UniformPlan
{
    /// <summary>
    /// A uniform rule (alpha 0) that stores as many rows at a length as a policy does on average, rounded up to a whole
    /// block, so that the rival never has less.
    /// </summary>
    public static StreamingLlmPolicy OfEqualDensity(AttentionPolicy policy, ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(policy);
        int full = ElasticRule.Dense.Rows(length);
        int blocks = full / ElasticRule.BlockSize;
        int kept = (int)Math.Ceiling(policy.Density(config, length) * blocks - 1e-9);
        return new StreamingLlmPolicy(new ElasticRule(0, Math.Min(1.0, (double)kept * ElasticRule.BlockSize / length)));
    }
}
