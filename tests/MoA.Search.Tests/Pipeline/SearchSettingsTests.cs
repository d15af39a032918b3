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
        { "--block 48", Valid with { Block = 48 } },
        { "--floor-tokens -1", Valid with { FloorTokens = -1 } },
        { "density 0.05 at 512", Valid with { Density = 0.05, Block = 16 } },
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

    [Fact]
    public void A_floor_of_tokens_raises_the_bounds_of_short_lengths_that_nobody_named()
    {
        SearchSettings settings = Valid with { Density = 0.25, FloorTokens = 384 };
        Assert.Equal([0.75, 0.375, 0.25, 0.25], settings.ConstrainedLengths.Select(length => settings.DensityBounds[length]));
        settings = settings with { FloorTokens = 600, DensityAt = new Dictionary<int, double> { [1024] = 0.3 } };
        Assert.Equal([1, 0.3, 0.29296875, 0.25], settings.ConstrainedLengths.Select(length => settings.DensityBounds[length]));
        // What is out of reach without a floor is within it.
        (Valid with { Density = 0.2, FloorTokens = 128 }).Check(_demo);
        (Valid with { Density = 0.0625, Block = 16 }).Check(_demo);
    }

    /// <summary>Two blocks are a sixteenth of the shortest length at most, if blocks of 16 can be.</summary>
    [Theory]
    [InlineData(256, 16, 16)]
    [InlineData(512, 16, 16)]
    [InlineData(960, 16, 16)]
    [InlineData(1024, 16, 32)]
    [InlineData(1984, 16, 32)]
    [InlineData(2048, 16, 64)]
    [InlineData(512, 64, 64)]
    [InlineData(8192, 64, 64)]
    public void Blocks_are_smaller_where_lengths_are_short(int shortest, int least, int block)
    {
        SearchSettings settings = SearchSettings.DefaultsFor(_demo with { MaxPositions = 32768 }, [shortest, 4096], least);
        Assert.Equal(block, settings.Block);
        Assert.All(settings.Rules(), rule => Assert.Equal(block, rule.Block));
    }
}
