using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Search.Calibration;

namespace MoA.Search.Validation;

/// <summary>
/// Answer loss of policies on items of a length that profiling never saw, run with the caches and masks that they would
/// have in use (docs/method.md, section 7). Finished items are kept in the journal.
/// </summary>
internal sealed class Validator(
    LanguageModel model, ResultJournal journal, string modelFingerprint, ElementType cacheType, Action<StepProgress>? progress)
{
    private readonly SequenceScorer _scorer = new(model.Transformer) { CacheType = cacheType };
    private long _tokens;
    private int _done;

    /// <summary>Evaluations that are to come in all, for progress.</summary>
    public int Total { get; init; }

    /// <summary>Scores one policy.</summary>
    /// <param name="name">Name for reports.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="items">The items; their lengths are the N of the rules.</param>
    /// <param name="length">The validation length, for the density.</param>
    /// <param name="cancellation">Checked between forward passes.</param>
    public PolicyScore Score(
        string name, AttentionPolicy policy, IReadOnlyList<EncodedItem> items, int length, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(items);
        double[] losses = new double[items.Count];
        for (int i = 0; i < losses.Length; i++)
        {
            losses[i] = LossOf(policy, items[i], cancellation);
            progress?.Invoke(new StepProgress("validate", name, ++_done, Math.Max(Total, _done), _tokens));
        }

        IEnumerable<double[]> groups = items
            .Select((item, i) => (Set: item.Item.Dataset ?? item.Item.Kind ?? "", Loss: losses[i]))
            .GroupBy(entry => entry.Set, (_, entries) => entries.Select(entry => entry.Loss).ToArray());
        return new PolicyScore(name, MeanInterval.OfGroups(groups), policy.Density(model.Config, length), losses);
    }

    /// <summary>
    /// The plan of least loss; among those that differ by less than rounding, the one of lower density.
    /// </summary>
    public static int Choose(IReadOnlyList<PolicyScore> plans)
    {
        ArgumentNullException.ThrowIfNull(plans);
        const double Tie = 1e-9;
        double best = plans.Min(plan => plan.Loss.Mean);
        return Enumerable.Range(0, plans.Count)
            .Where(i => plans[i].Loss.Mean <= best + Tie)
            .MinBy(i => (plans[i].Density, i));
    }

    private double LossOf(AttentionPolicy policy, EncodedItem item, CancellationToken cancellation)
    {
        string key = "loss/" + ResultJournal.Hash(
            modelFingerprint, cacheType.Name(), policy.Describe(model.Config, item.Tokens.Length), string.Join(',', item.Tokens),
            string.Join(',', item.IsAnswer.Select(marked => marked ? '1' : '0')));
        if (journal.TryGet(key, out JsonElement known))
            return known.GetDouble();
        _scorer.Policy = policy;
        double loss = -_scorer.Score(item.Tokens, item.IsAnswer, cancellation).Average();
        if (!double.IsFinite(loss))
            throw new InvalidInputException($"{item.Item.Origin}: the loss is {loss}; the arithmetic of {model.Name} overflowed on it");
        _tokens += item.Tokens.Length;
        journal.Add(key, writer => writer.WriteNumberValue(loss));
        return loss;
    }
}
