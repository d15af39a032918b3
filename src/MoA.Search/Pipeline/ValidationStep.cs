using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Search.Calibration;
using MoA.Search.Validation;

namespace MoA.Search.Pipeline;

/// <summary>The validate step: the loss of every plan, of dense attention, and of the uniform plan of equal density.</summary>
internal static class ValidationStep
{
    /// <summary>Name of dense attention in results.</summary>
    public const string Dense = "dense";

    /// <summary>Name of the uniform plan in results.</summary>
    public const string Uniform = "uniform";

    /// <summary>Runs all policies on the items and chooses a plan.</summary>
    /// <param name="model">The model.</param>
    /// <param name="plans">Plans with their names.</param>
    /// <param name="items">Items of about the validation length.</param>
    /// <param name="length">The validation length in tokens.</param>
    /// <param name="journal">Finished items.</param>
    /// <param name="cacheType">Format of the KV rows.</param>
    /// <param name="progress">Told of every finished item.</param>
    /// <param name="cancellation">Checked between forward passes.</param>
    public static ValidationOutcome Run(
        LanguageModel model,
        IReadOnlyList<(string Name, AttentionPlan Plan)> plans,
        IReadOnlyList<EncodedItem> items,
        int length,
        ResultJournal journal,
        ElementType cacheType,
        Action<StepProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(plans);
        ArgumentNullException.ThrowIfNull(items);
        Validator validator = new(model, journal, ModelFingerprint.Of(model), cacheType, progress)
        {
            Total = (plans.Count + 2) * items.Count,
        };
        PolicyScore dense = validator.Score(Dense, new DensePolicy(), items, length, cancellation);
        PolicyScore[] scores = [.. plans.Select(
            plan => validator.Score(plan.Name, new PlanPolicy(plan.Plan), items, length, cancellation))];
        int chosen = Validator.Choose(scores);
        StreamingLlmPolicy rival = UniformPlan.OfEqualDensity(new PlanPolicy(plans[chosen].Plan), model.Config, length);
        PolicyScore uniform = validator.Score(Uniform, rival, items, length, cancellation);
        return new ValidationOutcome(scores, chosen, dense, uniform);
    }
}
