using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>Keeps everything (within the model's own sliding window, where it has one).</summary>
public sealed class DensePolicy : AttentionPolicy
{
    /// <inheritdoc/>
    public override string Name => "dense";

    /// <inheritdoc/>
    public override ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length) => ElasticRule.Dense;
}
