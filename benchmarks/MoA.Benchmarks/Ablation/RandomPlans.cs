using MoA.Search.Optimization;

namespace MoA.Benchmarks.Ablation;

/// <summary>Plans drawn at random that keep a problem's density bounds and use what they allow.</summary>
internal static class RandomPlans
{
    /// <summary>
    /// Draws a rule for every head from as many random rules as a layer may have, then moves random heads to random shorter
    /// rules until every bound holds.
    /// </summary>
    /// <param name="problem">Rules and bounds.</param>
    /// <param name="random">Where draws come from.</param>
    /// <returns>[Heads]: index of each head's rule.</returns>
    public static int[] Draw(PlanProblem problem, Random random)
    {
        int[] chosen = new int[problem.Heads];
        for (int layer = 0; layer < problem.Layers; layer++)
        {
            // The square leans towards long rules, so that most plans start above the bounds.
            int[] palette = new int[problem.MaxRulesPerLayer ?? problem.HeadsPerLayer];
            for (int i = 0; i < palette.Length; i++)
                palette[i] = (int)(Math.Sqrt(random.NextDouble()) * problem.Rules.Count);
            for (int head = 0; head < problem.HeadsPerLayer; head++)
                chosen[layer * problem.HeadsPerLayer + head] = palette[random.Next(palette.Length)];
        }

        while (!Holds(problem, chosen))
        {
            // A rule of a layer is moved as a whole: the layer has no more rules afterwards.
            int head = random.Next(problem.Heads);
            if (chosen[head] == 0)
                continue;
            int layer = head / problem.HeadsPerLayer, from = chosen[head], to = random.Next(from);
            Span<int> heads = chosen.AsSpan(layer * problem.HeadsPerLayer, problem.HeadsPerLayer);
            heads.Replace(from, to);
        }

        return chosen;
    }

    private static bool Holds(PlanProblem problem, int[] chosen) =>
        problem.DensitiesOf(chosen).Zip(problem.Constraints).All(pair => pair.First <= pair.Second.Bound + 1e-9);
}
