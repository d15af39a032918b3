using MoA.Engine.Attention;

namespace MoA.Search.Optimization;

/// <summary>What a plan search found.</summary>
/// <param name="Problem">The problem that was solved.</param>
/// <param name="Objectives">The least loss at each profile length, with its proof.</param>
/// <param name="Plans">Plans that do not dominate each other, by growing loss at the first profile length.</param>
/// <param name="Programmes">Programmes solved for it.</param>
/// <param name="Elapsed">Time taken.</param>
internal sealed record OptimizationResult(
    PlanProblem Problem,
    IReadOnlyList<OptimalObjective> Objectives,
    IReadOnlyList<ParetoPlan> Plans,
    int Programmes,
    TimeSpan Elapsed)
{
    /// <summary>
    /// A few plans that stand for all: the best at each profile length, then whichever lies farthest from those taken,
    /// with losses measured in the range they have among the plans. In the order of <see cref="Plans"/>.
    /// </summary>
    /// <param name="count">Greatest number of plans.</param>
    public IReadOnlyList<ParetoPlan> Spread(int count)
    {
        if (Plans.Count <= count)
            return Plans;
        int objectives = Plans[0].Losses.Length;
        double[] range = [.. Enumerable.Range(0, objectives).Select(
            o => Math.Max(Plans.Max(plan => plan.Losses[o]) - Plans.Min(plan => plan.Losses[o]), double.Epsilon))];
        List<ParetoPlan> taken =
            [.. Enumerable.Range(0, objectives).Select(o => Plans.MinBy(plan => plan.Losses[o])!).Distinct().Take(count)];
        while (taken.Count < count)
            taken.Add(Plans.Except(taken).MaxBy(plan => taken.Min(other => Distance(plan, other)))!);
        return [.. Plans.Where(taken.Contains)];

        double Distance(ParetoPlan first, ParetoPlan second) =>
            Enumerable.Range(0, objectives).Max(o => Math.Abs(first.Losses[o] - second.Losses[o]) / range[o]);
    }

    /// <summary>A plan as a file holds it, with what the search knows about it.</summary>
    /// <param name="plan">One of the plans.</param>
    /// <param name="headKind">Which heads of the model the problem's heads are.</param>
    /// <param name="model">The model, or null.</param>
    public PlanDocument ToDocument(ParetoPlan plan, HeadKind headKind, PlanModel? model)
    {
        ArgumentNullException.ThrowIfNull(plan);
        AttentionPlan rules = Problem.ToPlan(plan.RuleOfHead, headKind);
        int[] profileLengths = [.. Problem.Objectives.Select(objective => objective.Length)];
        int[] boundLengths = [.. Problem.Constraints.Select(constraint => constraint.Length)];
        PlanSearchLength[] lengths =
        [
            .. profileLengths.Union(boundLengths).Order().Select(length =>
            {
                int bound = Array.IndexOf(boundLengths, length);
                int profile = Array.IndexOf(profileLengths, length);
                return new PlanSearchLength(
                    length,
                    bound >= 0 ? Problem.Constraints[bound].Bound : null,
                    bound >= 0 ? plan.Densities[bound] : plan.RuleOfHead.Average(rule => Problem.Rules[rule].Density(length)),
                    profile >= 0 ? plan.Losses[profile] : null);
            }),
        ];
        return new PlanDocument(
            rules, model, new PlanSearch { Lengths = lengths, MaxRulesPerLayer = Problem.MaxRulesPerLayer })
        {
            Scorer = Problem.Scorer,
        };
    }
}
