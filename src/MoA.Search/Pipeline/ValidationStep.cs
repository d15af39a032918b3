using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Search.Calibration;
using MoA.Search.Units;
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
    /// <param name="workers">Others who score what the journal lacks; null for none.</param>
    /// <param name="cancellation">Checked between forward passes.</param>
    public static ValidationOutcome Run(
        LanguageModel model,
        IReadOnlyList<(string Name, AttentionPlan Plan)> plans,
        IReadOnlyList<EncodedItem> items,
        int length,
        ResultJournal journal,
        ElementType cacheType,
        Action<StepProgress>? progress = null,
        IUnitWorkers? workers = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(plans);
        ArgumentNullException.ThrowIfNull(items);
        Validator validator = new(
            model, journal, ModelFingerprint.Of(model), cacheType, workers is null ? progress : StepProgress.Rising(progress))
        {
            Workers = workers,
            Total = (plans.Count + 2) * items.Count,
        };
        (string Name, AttentionPolicy Policy)[] policies =
            [(Dense, new DensePolicy()), .. plans.Select(plan => (plan.Name, (AttentionPolicy)new PlanPolicy(plan.Plan)))];
        validator.Share(policies, items, cancellation);
        PolicyScore[] all = [.. policies.Select(policy => validator.Score(policy.Name, policy.Policy, items, length, cancellation))];
        (PolicyScore dense, PolicyScore[] scores) = (all[0], all[1..]);
        int chosen = Validator.Choose(scores);
        StreamingLlmPolicy rival = UniformPlan.OfEqualDensity(new PlanPolicy(plans[chosen].Plan), model.Config, length);
        validator.Share([(Uniform, rival)], items, cancellation);
        PolicyScore uniform = validator.Score(Uniform, rival, items, length, cancellation);
        return new ValidationOutcome(scores, chosen, dense, uniform);
    }
}
