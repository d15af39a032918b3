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

    /// <summary>Runs plans on the items until one is the best or the items are spent (<see cref="PlanRace"/>), then dense attention and the uniform plan.</summary>
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
        IReadOnlyList<(string Name, AttentionPolicy Policy)> plans,
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
        (string Name, AttentionPolicy Policy)[] policies = [.. plans];
        PlanRace race = new(items);
        (EncodedItem[] Items, double[] Losses)[] run = race.Run(plans.Count, (left, round) =>
        {
            validator.Share([.. left.Select(plan => policies[plan])], round, cancellation);
            return [.. left.Select(plan => validator.Losses(policies[plan].Name, policies[plan].Policy, round, cancellation))];
        });
        PolicyScore[] scores = [.. policies.Select((policy, i) => validator.ScoreOf(policy.Name, policy.Policy, run[i].Items, run[i].Losses, length))];
        int chosen = Validator.Choose(scores);
        for (int i = 0; i < scores.Length; i++)
            scores[i] = i == chosen ? scores[i] : scores[i] with { Difference = race.Difference(run[i].Losses, run[chosen].Losses) };
        PolicyScore dense = Rival(Dense, new DensePolicy());
        PolicyScore uniform = Rival(Uniform, UniformPlan.OfEqualDensity(policies[chosen].Policy, model.Config, length));
        return new ValidationOutcome(scores, chosen, dense, uniform);

        // On the items that the chosen plan ran on.
        PolicyScore Rival(string name, AttentionPolicy policy)
        {
            validator.Share([(name, policy)], run[chosen].Items, cancellation);
            PolicyScore score = validator.Score(name, policy, run[chosen].Items, length, cancellation);
            return score with { Difference = race.Difference(score.ItemLosses, run[chosen].Losses) };
        }
    }
}
