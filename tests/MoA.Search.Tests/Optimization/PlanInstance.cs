using System.Text.Json;
using MoA.Search.Optimization;
using MoA.Tests;

namespace MoA.Search.Tests.Optimization;

/// <summary>An instance of <c>fixtures/optimum</c> with what another solver found.</summary>
internal sealed record PlanInstance(PlanProblem Problem, JsonElement Expected)
{
    public static PlanInstance Load(string name, int? maxRules)
    {
        PlanProblem problem = PlanProblem.Load(RepositoryFiles.Fixture("optimum", name));
        using JsonDocument document = JsonDocument.Parse(
            File.ReadAllBytes(RepositoryFiles.Fixture("optimum", name, "expected.json")));
        return new PlanInstance(
            problem.WithLimits(maxRules, problem.DensityFloor), document.RootElement.Clone());
    }

    public static void AssertKeepsLimits(PlanProblem problem, int[] ruleOfHead)
    {
        double[] densities = problem.DensitiesOf(ruleOfHead);
        for (int i = 0; i < densities.Length; i++)
        {
            double bound = problem.Constraints[i].Bound;
            Assert.InRange(densities[i], bound * (problem.DensityFloor ?? 0) * (1 - 1e-6), bound * (1 + 1e-6));
        }

        for (int layer = 0; layer < problem.Layers; layer++)
        {
            int distinct = ruleOfHead.Skip(layer * problem.HeadsPerLayer).Take(problem.HeadsPerLayer).Distinct().Count();
            Assert.InRange(distinct, 1, problem.MaxRulesPerLayer ?? problem.Rules.Count);
        }
    }
}
