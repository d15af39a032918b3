using MoA.Engine.Attention;
using MoA.Search.Optimization;

namespace MoA.Search.Tests.Optimization;

/// <summary>A random problem in whole blocks and whole losses; in many its bounds are what some plan needs exactly.</summary>
internal sealed class WholeBlockProblem
{
    private readonly int _layers;
    private readonly int _heads;
    private readonly int[] _lengths;
    private readonly ElasticRule[] _rules;
    private readonly double[] _bounds;
    private readonly double? _floor;
    private readonly bool _isSingle;

    public WholeBlockProblem(Random random, int layers, int heads, int rules)
    {
        (_layers, _heads) = (layers, heads);
        int choices = layers * heads;
        _lengths = [.. new[] { 320, 640, 2048, 4096 }.Skip(random.Next(2)).Take(random.Next(1, 4))];
        _rules = [.. Enumerable.Range(0, rules).Select(_ => new ElasticRule(64 * random.Next(-4, 12), random.Next(9) / 8.0))];
        // Half of the problems count blocks as rules do, the others have any number.
        bool isOfRules = random.Next(2) == 0;
        Blocks =
        [
            .. _lengths.Select(length => _rules.Select(rule => isOfRules
                ? (long)Math.Round(rule.Density(length) * (length / 64))
                : random.Next(1, length / 64 + 1)).ToArray()),
        ];
        // Few different losses make ties; among many heads they make riddles in which relaxations have no part.
        int steps = random.Next(3) == 0 && choices <= 12 ? 4 : 1_000_000;
        Losses = [.. Enumerable.Range(0, choices * rules).Select(_ => (long)random.Next(steps + 1))];
        int[] plan = [.. Enumerable.Range(0, choices).Select(_ => random.Next(rules))];
        _bounds =
        [
            .. Blocks.Select((counts, c) => random.Next(3) == 0
                ? 0.2 + 0.7 * random.NextDouble()
                : plan.Sum(rule => counts[rule]) / (_lengths[c] / 64.0 * choices)),
        ];
        _floor = random.Next(3) == 0 ? 0.85 + 0.15 * random.NextDouble() : null;
        _isSingle = random.Next(2) == 0;
    }

    /// <summary>[heads, rules].</summary>
    public long[] Losses { get; }

    /// <summary>[lengths][rules].</summary>
    public long[][] Blocks { get; }

    public PlanProblem Problem(int? maxRules) => new(
        _layers,
        _heads,
        _rules,
        [new PlanObjective(_lengths[0], [.. Losses.Select(loss => (double)loss)])],
        [.. _lengths.Select((length, c) => new DensityConstraint(length, _bounds[c], [.. Blocks[c].Select(count => Density(count, length))]))])
    {
        MaxRulesPerLayer = maxRules,
        DensityFloor = _floor,
    };

    public static long[] Most(PlanProblem problem) =>
        [.. problem.Constraints.Select(constraint => (long)Math.Floor(Bound(problem, constraint) * (1 + 1e-6)))];

    public long[] Least(PlanProblem problem) =>
        [.. problem.Constraints.Select(constraint => (long)Math.Ceiling(Bound(problem, constraint) * (_floor ?? 0) * (1 - 1e-6)))];

    private static double Bound(PlanProblem problem, DensityConstraint constraint) =>
        constraint.Bound * (constraint.Length / 64) * problem.Heads;

    // In single precision, as problem folders hold it, or in double.
    private double Density(long count, int length) =>
        _isSingle ? count / (length / 64f) : count / (length / 64.0);
}
