using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Search.Calibration;
using MoA.Search.Units;

namespace MoA.Search.Validation;

/// <summary>
/// Answer loss of policies on items of a length that profiling never saw, run with the caches and masks that they would
/// have in use (docs/method.md, section 7). Finished items are kept in the journal.
/// </summary>
internal sealed class Validator(
    LanguageModel model, ResultJournal journal, string modelFingerprint, ElementType cacheType, Action<StepProgress>? progress)
{
    private long _tokens;
    private int _done;

    /// <summary>Evaluations that are to come in all, for progress.</summary>
    public int Total { get; init; }

    /// <summary>Others who score what the journal lacks; null for none.</summary>
    public IUnitWorkers? Workers { get; init; }

    /// <summary>Lets the workers score what the journal lacks; <see cref="Score"/> then finds it there.</summary>
    /// <param name="policies">The policies, with their names.</param>
    /// <param name="items">The items.</param>
    /// <param name="cancellation">Ends the work; what was finished is in the journal.</param>
    public void Share(
        IReadOnlyList<(string Name, AttentionPolicy Policy)> policies, IReadOnlyList<EncodedItem> items, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policies);
        if (Workers is null)
            return;
        (string Name, AttentionPolicy Policy, EncodedItem Item, string Key)[] missing =
        [
            .. from policy in policies
               from item in items
               let key = KeyOf(policy.Policy, item)
               where !journal.TryGet(key, out _)
               select (policy.Name, policy.Policy, item, key),
        ];
        ILookup<string, string> names = missing.ToLookup(entry => entry.Key, entry => entry.Name);
        missing = [.. missing.DistinctBy(entry => entry.Key)];
        int done = _done + policies.Count * items.Count - names.Sum(key => key.Count());
        Workers.Run(
            [.. missing.Select(entry => ScoresUnit.Of(entry.Policy, cacheType, entry.Item.Tokens, entry.Item.IsAnswer, entry.Item.Item.Origin))],
            inOrder: false,
            (i, result) =>
            {
                (string name, _, EncodedItem item, string key) = missing[i];
                _ = Keep(key, item, ScoresUnit.ReadResult(result, item.Scored).Scores);
                done += names[key].Count();
                progress?.Invoke(new StepProgress("validate", name, done, Math.Max(Total, done), _tokens));
                return null;
            },
            cancellation);
    }

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
        return ScoreOf(name, policy, items, Losses(name, policy, items, cancellation), length);
    }

    /// <summary>The losses of one policy.</summary>
    /// <param name="name">Name for progress.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="items">The items; their lengths are the N of the rules.</param>
    /// <param name="cancellation">Checked between forward passes.</param>
    public double[] Losses(string name, AttentionPolicy policy, IReadOnlyList<EncodedItem> items, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(items);
        double[] losses = new double[items.Count];
        for (int i = 0; i < losses.Length; i++)
        {
            losses[i] = LossOf(policy, items[i], cancellation);
            progress?.Invoke(new StepProgress("validate", name, ++_done, Math.Max(Total, _done), _tokens));
        }

        return losses;
    }

    /// <summary>The score that losses make.</summary>
    /// <param name="name">Name for reports.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="items">The items.</param>
    /// <param name="losses">Theirs.</param>
    /// <param name="length">The validation length, for the density.</param>
    public PolicyScore ScoreOf(string name, AttentionPolicy policy, IReadOnlyList<EncodedItem> items, double[] losses, int length)
    {
        ArgumentNullException.ThrowIfNull(policy);
        IEnumerable<double[]> groups = items
            .Select((item, i) => (Set: PlanRace.SetOf(item), Loss: losses[i]))
            .GroupBy(entry => entry.Set, (_, entries) => entries.Select(entry => entry.Loss).ToArray());
        return new PolicyScore(name, MeanInterval.OfGroups(groups), policy.Density(model.Config, length), losses);
    }

    /// <summary>
    /// The plan of least loss among those that ran on most items; among those that differ by less than rounding, the one of lower density.
    /// </summary>
    public static int Choose(IReadOnlyList<PolicyScore> plans)
    {
        ArgumentNullException.ThrowIfNull(plans);
        const double Tie = 1e-9;
        int[] last = [.. Enumerable.Range(0, plans.Count).Where(i => plans[i].ItemLosses.Count == plans.Max(plan => plan.ItemLosses.Count))];
        double best = last.Min(i => plans[i].Loss.Mean);
        return last
            .Where(i => plans[i].Loss.Mean <= best + Tie)
            .MinBy(i => (plans[i].Density, i));
    }

    private double LossOf(AttentionPolicy policy, EncodedItem item, CancellationToken cancellation)
    {
        string key = KeyOf(policy, item);
        return journal.TryGet(key, out JsonElement known)
            ? known.GetDouble()
            : Keep(key, item, ScoresUnit.Compute(model, policy, cacheType, item.Tokens, item.IsAnswer, int.MaxValue, cancellation).Scores);
    }

    private string KeyOf(AttentionPolicy policy, EncodedItem item) => "loss/" + ResultJournal.Hash(
        modelFingerprint, cacheType.Name(), policy.Identity(model.Config, item.Tokens.Length), string.Join(',', item.Tokens),
        string.Join(',', item.IsAnswer.Select(marked => marked ? '1' : '0')));

    private double Keep(string key, EncodedItem item, double[] scores)
    {
        double loss = -scores.Average();
        if (!double.IsFinite(loss))
            throw new InvalidInputException($"{item.Item.Origin}: the loss is {loss}; the arithmetic of {model.Name} overflowed on it");
        _tokens += item.Tokens.Length;
        journal.Add(key, writer => writer.WriteNumberValue(loss));
        return loss;
    }
}
