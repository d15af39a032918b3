using System.Text.Json;

namespace MoA.Tests.Commands;

public sealed class PlanCommandTests
{
    public static TheoryData<string> Published => [.. Table().Select(entry => entry.GetProperty("plan").GetString()!)];

    // cache_density of table.json: mean rows over N of each head as the research code's runtime allocates them.
    [Theory]
    [MemberData(nameof(Published))]
    public void Densities_of_published_plans_are_those_of_their_caches(string name)
    {
        JsonElement expected = Table().Single(entry => entry.GetProperty("plan").GetString() == name);
        JsonElement shown = Invocation.Json("plan", "show", RepositoryFiles.Fixture("plans", $"{name}.json"));
        Assert.Equal(expected.GetProperty("layers").GetInt32(), shown.GetProperty("layers").GetInt32());
        Assert.Equal(expected.GetProperty("heads_per_layer")[0].GetInt32(), shown.GetProperty("headsPerLayer").GetInt32());
        foreach (JsonElement length in shown.GetProperty("lengths").EnumerateArray())
        {
            double density = expected.GetProperty("lengths").GetProperty(length.GetProperty("length").GetRawText())
                .GetProperty("cache_density").GetDouble();
            Assert.Equal(density, length.GetProperty("nominalDensity").GetDouble(), 1e-9);
            Assert.Equal(density, length.GetProperty("storedDensity").GetDouble(), 1e-9);
        }
    }

    // Llama-3-8B has 8 KV heads: each stores the largest rows of its 4 query heads (docs/method.md, section 4).
    [Fact]
    public void Grouped_heads_store_the_longest_span_of_their_group()
    {
        const int Length = 4096;
        string file = RepositoryFiles.Fixture("plans", "gradientai--Llama-3-8B-Instruct-262k.moa.json");
        JsonElement shown = Invocation.Json("plan", "show", file, "--kv-heads", "8", "--lengths", $"{Length}").GetProperty("lengths")[0];
        using JsonDocument plan = JsonDocument.Parse(File.ReadAllBytes(file));
        double[][] alphas = Numbers(plan.RootElement.GetProperty("alphas")), betas = Numbers(plan.RootElement.GetProperty("betas"));
        int[][] rows = [.. alphas.Zip(betas, (a, b) => a.Zip(b, Rows).ToArray())];
        Assert.Equal(rows.Select(layer => string.Join(' ', layer)),
            shown.GetProperty("rows").EnumerateArray().Select(layer => string.Join(' ', layer.EnumerateArray())));
        double stored = rows.SelectMany(layer => layer.Chunk(4).Select(group => group.Max())).Average() / Length;
        Assert.Equal(stored, shown.GetProperty("storedDensity").GetDouble(), 1e-12);
        Assert.True(stored > shown.GetProperty("nominalDensity").GetDouble());

        static int Rows(double alpha, double beta) => (Math.Max(Math.Min((int)(alpha + beta * Length), Length), 128) + 63) / 64 * 64;
    }

    [Fact]
    public void Converting_there_and_back_keeps_every_rule()
    {
        using TemporaryFolder folder = new();
        string source = RepositoryFiles.Fixture("plans", "lmsys--vicuna-7b-v1.5-16k.moa.json"), ours = folder["new", "ours.json"], theirs = folder["theirs.json"];
        Assert.Equal(ours, Invocation.Json("plan", "convert", source, ours).GetProperty("file").GetString());
        Assert.Equal("", Invocation.Of("plan", "convert", ours, theirs, "--to", "research").Output);
        using JsonDocument first = Parse(source), middle = Parse(ours), last = Parse(theirs);
        Assert.Equal("moa-plan/1", middle.RootElement.GetProperty("format").GetString());
        Assert.Equal(["alphas", "betas"], last.RootElement.EnumerateObject().Select(member => member.Name));
        foreach (string table in new[] { "alphas", "betas" })
        {
            Assert.Equal(Numbers(first.RootElement.GetProperty(table)), Numbers(middle.RootElement.GetProperty(table)));
            Assert.Equal(Numbers(first.RootElement.GetProperty(table)), Numbers(last.RootElement.GetProperty(table)));
        }

        static JsonDocument Parse(string path) => JsonDocument.Parse(File.ReadAllBytes(path));
    }

    [Fact]
    public void What_is_no_plan_or_no_divisor_is_refused()
    {
        using TemporaryFolder folder = new();
        string noJson = folder.Write("plan.json", "alphas: 1"), plan = RepositoryFiles.Fixture("plans", "lmsys--vicuna-7b-v1.5-16k.moa.json");
        Invocation.Of("plan", "show", noJson).AssertRefused(noJson, "not JSON");
        Invocation.Of("plan", "show", folder["none.json"]).AssertRefused(folder["none.json"]);
        Invocation.Of("plan", "show", plan, "--kv-heads", "5").AssertRefused("--kv-heads 5", "32");
        Invocation.Of("plan", "show", plan, "--lengths", "1,2").AssertRefused("--lengths 1,2");
        Invocation.Of("plan", "convert", plan, folder["x"], "--to", "yaml").AssertRefused("--to yaml", "moa or research");
        Invocation.Of("plan", "convert", plan, folder.Path).AssertRefused(folder.Path, "cannot be written");
        Invocation.Of("plan", "convert", plan, Path.Combine(noJson, "x.json")).AssertRefused("x.json", "cannot be written");
        Assert.Equal([noJson], folder.Names());
    }

    private static JsonElement[] Table()
    {
        using JsonDocument table = JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("plans", "table.json")));
        return [.. table.RootElement.EnumerateArray().Select(entry => entry.Clone())];
    }

    private static double[][] Numbers(JsonElement table) =>
        [.. table.EnumerateArray().Select(row => row.EnumerateArray().Select(value => value.GetDouble()).ToArray())];
}
