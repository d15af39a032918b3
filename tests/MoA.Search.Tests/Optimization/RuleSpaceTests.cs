using System.Globalization;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Search.Optimization;
using MoA.Tests;

namespace MoA.Search.Tests.Optimization;

public sealed class RuleSpaceTests
{
    [Theory]
    [InlineData("paper")]
    [InlineData("small")]
    public void Rules_and_their_order_are_those_of_the_fixture(string name)
    {
        using JsonDocument document = Load($"search_space_{name}.json");
        ElasticRule[] expected =
        [
            .. document.RootElement.GetProperty("rules").EnumerateArray().Select(rule =>
                new ElasticRule(rule.GetProperty("alpha").GetDouble(), rule.GetProperty("beta").GetDouble())),
        ];
        Assert.Equal(expected, Rules(document.RootElement));
    }

    [Theory]
    [InlineData("paper")]
    [InlineData("small")]
    public void Rows_and_densities_are_those_of_the_fixture(string name)
    {
        using JsonDocument document = Load($"stored_{name}.json");
        IReadOnlyList<ElasticRule> rules = Rules(document.RootElement);
        foreach (JsonElement expected in document.RootElement.GetProperty("rules").EnumerateArray())
        {
            ElasticRule rule = rules[expected.GetProperty("id").GetInt32()];
            foreach (JsonProperty rows in expected.GetProperty("rows").EnumerateObject())
            {
                int length = int.Parse(rows.Name, CultureInfo.InvariantCulture);
                Assert.Equal(rows.Value.GetInt32(), rule.Rows(length));
                Assert.Equal(expected.GetProperty("density").GetProperty(rows.Name).GetDouble(), rule.Density(length));
            }
        }
    }

    [Fact]
    public void Default_interval_is_half_the_shortest_length() =>
        Assert.Equal(
            RuleSpace.FromInterval([2048, 4096], [8192], [6144], 1024), RuleSpace.FromInterval([2048, 4096], [8192], [6144]));

    [Fact]
    public void A_count_of_alphas_gives_the_rules_of_the_matching_interval() =>
        Assert.Equal(RuleSpace.FromInterval([256, 512], [1024], [768], 64), RuleSpace.FromCount([256, 512], [1024], [768], 13));

    [Fact]
    public void Three_betas_and_coarse_alphas_by_hand()
    {
        // Alphas -128, 0, 128, 256; betas 0, 0.5, 1; Nmin = 128, Nprof = Nmax = 256.
        // Kept: (-128, 1) would span 0 at 128 tokens and falls out; spans at 256 tokens order the rest.
        ElasticRule[] expected = [new(0, 0.5), new(128, 0), new(0, 1), new(128, 0.5), new(256, 0)];
        Assert.Equal(expected, RuleSpace.FromInterval([128, 256], [], [], 128, 3));
    }

    [Theory]
    [InlineData(0.0, 9)]
    [InlineData(double.NaN, 9)]
    [InlineData(1e-9, 9)]
    [InlineData(64.0, 1)]
    public void Settings_out_of_range_are_bad_input(double interval, int betas) =>
        Assert.Throws<InvalidInputException>(() => RuleSpace.FromInterval([256, 512], [], [], interval, betas));

    [Fact]
    public void Lengths_out_of_range_are_bad_input()
    {
        Assert.Throws<InvalidInputException>(() => RuleSpace.FromInterval([], [512], []));
        Assert.Throws<InvalidInputException>(() => RuleSpace.FromInterval([256], [0], []));
        Assert.Throws<InvalidInputException>(() => RuleSpace.FromCount([256], [], [], 1));
    }

    private static IReadOnlyList<ElasticRule> Rules(JsonElement root)
    {
        JsonElement settings = root.GetProperty("settings");
        return RuleSpace.FromInterval(
            Lengths(settings, "profile_lengths"),
            Lengths(settings, "extend_lengths"),
            Lengths(settings, "output_lengths"),
            settings.GetProperty("alpha_interval").GetDouble(),
            settings.GetProperty("num_betas").GetInt32());
    }

    private static int[] Lengths(JsonElement settings, string name) =>
        [.. settings.GetProperty(name).EnumerateArray().Select(length => length.GetInt32())];

    private static JsonDocument Load(string name) =>
        JsonDocument.Parse(File.ReadAllBytes(RepositoryFiles.Fixture("rules", name)));
}
