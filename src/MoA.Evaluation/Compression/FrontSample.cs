using MoA.Search.Optimization;

namespace MoA.Evaluation.Compression;

/// <summary>Chooses which plans of a long front are worth running.</summary>
public static class FrontSample
{
    /// <summary>
    /// At most <paramref name="count"/> plans: those of least loss at each length, then always the one farthest from all
    /// chosen before, distances measured in shares of each loss's range.
    /// </summary>
    public static IReadOnlyList<ParetoPlan> Take(IReadOnlyList<ParetoPlan> plans, int count)
    {
        ArgumentNullException.ThrowIfNull(plans);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (plans.Count <= count)
            return plans;
        int objectives = plans[0].Losses.Length;
        double[] low = [.. Enumerable.Range(0, objectives).Select(o => plans.Min(plan => plan.Losses[o]))];
        double[] range = [.. Enumerable.Range(0, objectives)
            .Select(o => Math.Max(plans.Max(plan => plan.Losses[o]) - low[o], double.Epsilon))];
        List<int> chosen = [.. Enumerable.Range(0, objectives)
            .Select(o => Enumerable.Range(0, plans.Count).MinBy(i => plans[i].Losses[o])).Distinct().Take(count)];
        while (chosen.Count < count)
        {
            chosen.Add(Enumerable.Range(0, plans.Count).Except(chosen)
                .MaxBy(i => chosen.Min(other => Distance(plans[i], plans[other]))));
        }

        return [.. chosen.Order().Select(i => plans[i])];

        double Distance(ParetoPlan a, ParetoPlan b) =>
            Enumerable.Range(0, objectives).Sum(o => Math.Pow((a.Losses[o] - b.Losses[o]) / range[o], 2));
    }
}
