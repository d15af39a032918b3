using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Tests;

namespace MoA.Engine.Tests.KvCache;

/// <summary>Reads plans from objects with alphas and betas [layer][query head].</summary>
internal static class PlanFixture
{
    public static AttentionPlan Load(string name)
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("plans", $"{name}.json")));
        return Read(file.RootElement);
    }

    public static AttentionPlan Read(JsonElement plan)
    {
        double[][] alphas = Rows(plan, "alphas"), betas = Rows(plan, "betas");
        return new AttentionPlan(
            [.. alphas.Zip(betas, (a, b) => a.Zip(b, (alpha, beta) => new ElasticRule(alpha, beta)).ToArray())],
            HeadKind.Query);
    }

    public static int[] Ints(JsonElement owner, string name) =>
        [.. owner.GetProperty(name).EnumerateArray().Select(item => item.GetInt32())];

    private static double[][] Rows(JsonElement plan, string name) =>
        [.. plan.GetProperty(name).EnumerateArray().Select(
            row => row.EnumerateArray().Select(item => item.GetDouble()).ToArray())];
}
