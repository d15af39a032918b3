using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>MoA: every head keeps what its rule of a plan says.</summary>
internal sealed class PlanPolicy : AttentionPolicy
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "moa";

    /// <summary>Runs a plan.</summary>
    /// <param name="plan">A plan that fits the model.</param>
    /// <param name="name">Name for reports.</param>
    public PlanPolicy(AttentionPlan plan, string name = CommandName)
    {
        ArgumentNullException.ThrowIfNull(plan);
        Plan = plan;
        Name = name;
    }

    /// <summary>The plan.</summary>
    public AttentionPlan Plan { get; }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    internal override ElasticRule RuleOf(int layer, int queryHead, ModelConfig config, int length)
    {
        ArgumentNullException.ThrowIfNull(config);
        int heads = Plan.HeadKind == HeadKind.Query ? config.QueryHeads : config.KeyValueHeads;
        if (Plan.Layers != config.Layers || Plan.HeadsPerLayer != heads)
        {
            throw new InvalidInputException(
                $"the plan is for another model: it has rules for {Plan.Layers} layers of {Plan.HeadsPerLayer} heads, the model {config.Layers} layers of {heads}; search one with 'moa compress', or choose the model's own");
        }

        int head = Plan.HeadKind == HeadKind.Query ? queryHead : queryHead / (config.QueryHeads / config.KeyValueHeads);
        return Plan[layer, head];
    }
}
