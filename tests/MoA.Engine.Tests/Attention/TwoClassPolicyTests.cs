using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.Attention;

public sealed class TwoClassPolicyTests
{
    private static readonly ModelConfig Grouped = AttentionLayer.Config(4, 2, 8, layers: 2);

    private static readonly double[][] Scores = [[0.1, 0.9], [0.5, 0.5]];

    [Fact]
    public void Heads_of_the_largest_scores_keep_everything()
    {
        TwoClassPolicy half = TwoClassPolicy.OfRetrievalShare("duo-attention", Scores, new ElasticRule(320, 0), 0.5);
        LayerSpans[] spans = half.Resolve(Grouped, 1024);
        // 0.9 and the earlier of the two 0.5.
        Assert.Equal([256, 256, 960, 960], spans[0].VisibleRing);
        Assert.Equal([960, 960, 256, 256], spans[1].VisibleRing);
        Assert.Equal((2 * 1024 + 2 * 320) / (4 * 1024.0), half.Density(Grouped, 1024));
    }

    [Theory]
    [InlineData(0.9, 3)] // 0.3125 + 3/4·0.6875 = 0.828
    [InlineData(0.6, 1)] // one more would be 0.656
    [InlineData(0.3125, 0)]
    [InlineData(1, 4)]
    public void A_bound_gives_as_many_retrieval_heads_as_fit(double density, int heads)
    {
        TwoClassPolicy policy = TwoClassPolicy.OfDensity("duo-attention", Scores, new ElasticRule(320, 0), density);
        Assert.Equal(heads, policy.RetrievalHeads(Grouped, 1024));
        Assert.InRange(policy.Density(Grouped, 1024), 0.3125, density);
    }

    /// <summary>A layer with a window holds it and takes no retrieval heads; what it leaves of the density is the others'.</summary>
    [Theory]
    [InlineData(0.6, 1)] // of 6·0.6 heads' rows the windows take 2·0.125, the least of the others 4·0.3125; 2.1 are left for 0.6875 each
    [InlineData(0.25, 0)]
    public void Layers_with_windows_hold_these_and_count(double density, int more)
    {
        double[][] scores = [[0.1, 0.9], [7, 8], [0.5, 0.5]];
        ModelConfig config = (AttentionLayer.Config(4, 2, 8, layers: 3) with { MaxPositions = 1024 })
            .WithLayers((layer, index) => layer with { Window = index == 1 ? 128 : null });
        TwoClassPolicy policy = TwoClassPolicy.OfDensity("duo-attention", scores, new ElasticRule(320, 0), density);
        int heads = 3 * more;
        Assert.Equal(heads, policy.RetrievalHeads(config, 1024));
        Assert.InRange(policy.Density(config, 1024), 0, density + 1e-12);
        LayerSpans[] spans = policy.Resolve(config, 1024);
        Assert.All(spans[1].Stored, head => Assert.Equal(new HeadLayout(0, 128), head));
        Assert.True(spans[0].Stored[1].Rows >= spans[0].Stored[0].Rows); // 0.9 goes before 0.1
        Assert.Equal(heads, spans.Sum(layer => layer.Stored.Count(head => head.Rows == 1024)));
        TwoClassPolicy half = TwoClassPolicy.OfRetrievalShare("duo-attention", scores, new ElasticRule(320, 0), 0.5);
        Assert.Equal([320, 1024, 128, 128, 1024, 320], half.Resolve(config, 1024).SelectMany(layer => layer.Stored.Select(head => head.Rows)));
    }

    [Fact]
    public void Where_the_window_alone_exceeds_the_bound_it_is_shortened()
    {
        TwoClassPolicy policy = TwoClassPolicy.OfDensity("duo-attention", Scores, new ElasticRule(320, 0), 0.25);
        Assert.Equal(0.25, policy.Density(Grouped, 512));
        Assert.Equal(0.5, policy.Density(Grouped, 256)); // the least that heads may keep: 128 rows; the window is the whole text
        Assert.Equal(1, policy.Density(Grouped, 100));
    }
}
