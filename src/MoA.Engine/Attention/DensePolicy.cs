using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>Keeps everything (within the model's own sliding window, where it has one).</summary>
internal sealed class DensePolicy : AttentionPolicy
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "dense";

    /// <inheritdoc/>
    public override string Name => CommandName;

    /// <inheritdoc/>
    internal override ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length) => ElasticRule.Dense;
}
