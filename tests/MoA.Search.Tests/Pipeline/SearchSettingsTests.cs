using MoA.Engine;
using MoA.Engine.Configuration;
using MoA.Search.Pipeline;

namespace MoA.Search.Tests.Pipeline;

public sealed class SearchSettingsTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly SearchSettings Valid =
        new() { ProfileLengths = [512, 1024], ExtensionLengths = [2048, 8192], ValidationLength = 1536 };

    private readonly ModelConfig _demo = demo.Model.Config; // a context of 4096

    public static TheoryData<string, SearchSettings> Refused() => new()
    {
        { "--lengths 500", Valid with { ProfileLengths = [500] } },
        { "--lengths 0", Valid with { ProfileLengths = [0] } },
        { "--lengths 512,512", Valid with { ProfileLengths = [512, 512] } },
        { "--lengths :", Valid with { ProfileLengths = [] } },
        { "length 8192", Valid with { ProfileLengths = [8192] } },
        { "length 5000", Valid with { ValidationLength = 5000 } },
        { "length 0", Valid with { ValidationLength = 0 } },
        { "length -1", Valid with { ExtensionLengths = [-1] } },
        { "density 0", Valid with { Density = 0 } },
        { "density NaN", Valid with { Density = double.NaN } },
        { "density 1.5", Valid with { DensityAt = new Dictionary<int, double> { [512] = 1.5 } } },
        { "density 0.2 at 512", Valid with { Density = 0.2 } },
        { "--density-at 1536", Valid with { DensityAt = new Dictionary<int, double> { [1536] = 0.5 } } },
        { "--alpha-interval", Valid with { AlphaCount = 4, AlphaInterval = 64 } },
        { "--max-rules-per-layer 0", Valid with { MaxRulesPerLayer = 0 } },
        { "--density-floor 0", Valid with { DensityFloor = 0 } },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Contradictions_are_refused_by_name(string start, SearchSettings settings)
    {
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => settings.Check(_demo));
        Assert.StartsWith(start, failure.Message.Replace(" : ", " :", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain('\n', failure.Message);
    }

    [Fact]
    public void Defaults_are_the_papers_or_the_same_shares_of_a_shorter_context()
    {
        SearchSettings large = SearchSettings.DefaultsFor(_demo with { MaxPositions = 131072 });
        Assert.Equal([2048, 4096, 8192], large.ProfileLengths);
        Assert.Equal([16384], large.ExtensionLengths);
        Assert.Equal(12288, large.ValidationLength);
        SearchSettings small = SearchSettings.DefaultsFor(_demo);
        Assert.Equal([512, 1024], small.ProfileLengths);
        Assert.Equal([2048], small.ExtensionLengths);
        Assert.Equal(1536, small.ValidationLength);
        Assert.Equal([512, 1024, 2048], small.ConstrainedLengths);
        foreach (int context in new[] { 512, 1000, 4096, 16383, 16384, 1 << 20 })
            SearchSettings.DefaultsFor(_demo with { MaxPositions = context }).Check(_demo with { MaxPositions = context });
        Valid.Check(_demo); // lengths that only bound the density may exceed the context
    }

    [Fact]
    public void Densities_of_single_lengths_come_before_the_common_one()
    {
        SearchSettings settings = Valid with { Density = 0.25, DensityAt = new Dictionary<int, double> { [1024] = 0.75 } };
        settings.Check(_demo);
        Assert.Equal([0.25, 0.75, 0.25, 0.25], settings.ConstrainedLengths.Select(length => settings.DensityBounds[length]));
    }
}
