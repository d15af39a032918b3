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
        Assert.Equal(heads, policy.RetrievalHeads(1024));
        Assert.InRange(policy.Density(Grouped, 1024), 0.3125, density);
    }

    [Fact]
    public void Where_the_window_alone_exceeds_the_bound_it_is_shortened()
    {
        TwoClassPolicy policy = TwoClassPolicy.OfDensity("duo-attention", Scores, new ElasticRule(320, 0), 0.25);
        Assert.Equal(0.25, policy.Density(Grouped, 512));
        Assert.Equal(1, policy.Density(Grouped, 100));
    }
}
