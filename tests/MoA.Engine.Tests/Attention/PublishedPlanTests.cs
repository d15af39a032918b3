using System.Text.Json;
using MoA.Engine.Attention;
using MoA.Tests;

namespace MoA.Engine.Tests.Attention;

/// <summary>The research code's published plans against the numbers of <c>table.json</c>.</summary>
public sealed class PublishedPlanTests
{
    public static TheoryData<string> Plans =>
        [.. Table().RootElement.EnumerateArray().Select(plan => plan.GetProperty("plan").GetString()!)];

    [Theory]
    [MemberData(nameof(Plans))]
    public void Published_plan_has_the_rules_of_the_table(string name)
    {
        using JsonDocument table = Table();
        JsonElement expected = Entry(table, name);
        AttentionPlan plan = PlanFile.Load(RepositoryFiles.Fixture("plans", name + ".json")).Plan;
        Assert.Equal(expected.GetProperty("layers").GetInt32(), plan.Layers);
        Assert.Equal(expected.GetProperty("heads_per_layer")[0].GetInt32(), plan.HeadsPerLayer);

        ElasticRule[][] layers =
        [
            .. Enumerable.Range(0, plan.Layers).Select(
                layer => Enumerable.Range(0, plan.HeadsPerLayer).Select(head => plan[layer, head]).ToArray()),
        ];
        ElasticRule[] all = [.. layers.SelectMany(rules => rules)];
        Assert.Equal(expected.GetProperty("distinct_rules").GetInt32(), all.Distinct().Count());
        Assert.Equal(
            expected.GetProperty("distinct_rules_per_layer").EnumerateArray().Select(count => count.GetInt32()),
            layers.Select(rules => rules.Distinct().Count()));
        Assert.Equal(Numbers(expected, "alphas"), all.Select(rule => rule.Alpha).Distinct().Order());
        Assert.Equal(Numbers(expected, "betas"), all.Select(rule => rule.Beta).Distinct().Order());
    }

    [Theory]
    [MemberData(nameof(Plans))]
    public void Published_plan_stores_what_the_table_says(string name)
    {
        using JsonDocument table = Table();
        AttentionPlan plan = PlanFile.Load(RepositoryFiles.Fixture("plans", name + ".json")).Plan;
        foreach (JsonProperty entry in Entry(table, name).GetProperty("lengths").EnumerateObject())
        {
            int length = int.Parse(entry.Name, System.Globalization.CultureInfo.InvariantCulture);
            double expected = entry.Value.GetProperty("cache_density").GetDouble();
            Assert.Equal(expected, plan.StoredDensity(plan.HeadsPerLayer, length), 1e-12);
        }
    }

    private static JsonDocument Table() =>
        JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("plans", "table.json")));

    private static JsonElement Entry(JsonDocument table, string name) =>
        table.RootElement.EnumerateArray().Single(plan => plan.GetProperty("plan").GetString() == name);

    private static IEnumerable<double> Numbers(JsonElement element, string name) =>
        element.GetProperty(name).EnumerateArray().Select(value => value.GetDouble());
}
