using Google.OrTools.Sat;
using MoA.Search.Optimization;

namespace MoA.Search.Tests.Optimization;

/// <summary>
/// Another solver for problems in whole blocks and whole losses: CP-SAT of OR-Tools, in integers throughout, so that nothing is
/// a matter of rounding.
/// </summary>
internal static class Referee
{
    private static readonly Lazy<string?> Missing = new(() =>
    {
        try
        {
            CpModel model = new();
            _ = model.NewBoolVar("x");
            return new CpSolver().Solve(model) == CpSolverStatus.Optimal ? null : "OR-Tools does not work here";
        }
        catch (Exception failure) when (failure is DllNotFoundException or TypeInitializationException or BadImageFormatException)
        {
            return "OR-Tools has no native library here";
        }
    });

    /// <summary>Why it cannot be asked on this machine; null if it can.</summary>
    public static string? Absence => Missing.Value;

    /// <summary>The least loss of all plans, or what is known of it when an effort is spent.</summary>
    /// <param name="problem">Shape and limit of rules.</param>
    /// <param name="losses">[heads, rules].</param>
    /// <param name="blocks">[constraints][rules].</param>
    /// <param name="least">[constraints]: blocks that all heads have to keep together.</param>
    /// <param name="most">[constraints]: blocks that all heads may keep together.</param>
    public static (CpSolverStatus Status, double Loss, double Bound) Solve(
        PlanProblem problem, long[] losses, long[][] blocks, long[] least, long[] most)
    {
        if (least.Zip(most).Any(limits => limits.First > limits.Second))
            return (CpSolverStatus.Infeasible, 0, 0);
        CpModel model = new();
        int rules = problem.Rules.Count;
        BoolVar[] takes = [.. Enumerable.Range(0, problem.Heads * rules).Select(i => model.NewBoolVar($"x{i}"))];
        for (int head = 0; head < problem.Heads; head++)
            model.AddExactlyOne(takes.AsSpan(head * rules, rules).ToArray());
        for (int c = 0; c < blocks.Length; c++)
            model.AddLinearConstraint(LinearExpr.WeightedSum(takes, takes.Select((_, i) => blocks[c][i % rules])), least[c], most[c]);
        for (int layer = 0; problem.MaxRulesPerLayer is int limit && layer < problem.Layers; layer++)
        {
            BoolVar[] uses = [.. Enumerable.Range(0, rules).Select(rule => model.NewBoolVar($"y{layer}_{rule}"))];
            for (int i = layer * problem.HeadsPerLayer * rules; i < (layer + 1) * problem.HeadsPerLayer * rules; i++)
                model.AddImplication(takes[i], uses[i % rules]);
            model.Add(LinearExpr.Sum(uses) <= limit);
        }

        model.Minimize(LinearExpr.WeightedSum(takes, losses));
        CpSolver solver = new() { StringParameters = "num_workers:1,random_seed:1,max_deterministic_time:10" };
        CpSolverStatus status = solver.Solve(model);
        return (status, solver.ObjectiveValue, solver.BestObjectiveBound);
    }
}
