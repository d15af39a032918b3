using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.Attention;

public sealed class AttentionPolicyTests
{
    [Fact]
    public void A_plan_for_query_heads_stores_the_largest_of_each_group()
    {
        ElasticRule[] rules = [new(0, 0.5), new(0, 0.25), new(-200, 1), new(0, 0)];
        ModelConfig config = AttentionLayer.Config(4, 2, 8, layers: 2);
        PlanPolicy policy = new(new AttentionPlan([rules, [.. rules.Reverse()]], HeadKind.Query));
        LayerSpans[] spans = policy.Resolve(config, 1000);
        // 500, 250, 800 and at least 128 tokens, in blocks of 64, less the sink.
        Assert.Equal([512 - 64, 256 - 64, 832 - 64, 128 - 64], spans[0].VisibleRing);
        Assert.Equal([new HeadLayout(64, 512 - 64), new HeadLayout(64, 832 - 64)], spans[0].Stored);
        Assert.Equal([new HeadLayout(64, 832 - 64), new HeadLayout(64, 512 - 64)], spans[1].Stored);
        Assert.Equal(512 + 832, spans[0].StoredRows);
        Assert.Equal((512.0 + 832) / (2 * 1024), policy.Density(config, 1000));
    }

    [Fact]
    public void A_plan_for_key_value_heads_holds_for_their_whole_group()
    {
        ModelConfig config = AttentionLayer.Config(4, 2, 8);
        PlanPolicy policy = new(new AttentionPlan([[new ElasticRule(0, 0.5), new ElasticRule(100, 0)]], HeadKind.KeyValue));
        LayerSpans spans = policy.Resolve(config, 1000)[0];
        Assert.Equal([448, 448, 64, 64], spans.VisibleRing);
        Assert.Equal([new HeadLayout(64, 448), new HeadLayout(64, 64)], spans.Stored);
    }

    /// <summary>
    /// Of a window of W tokens a layer keeps W rows and no sink, and the masks of the rings (method, section 4: prefill's by
    /// blocks, decoding's by rows) hide nothing of it.
    /// </summary>
    [Fact]
    public void A_sliding_window_is_all_that_its_layer_keeps()
    {
        const int length = 700;
        foreach (int window in new[] { 1, 2, 63, 64, 65, 127, 128, 129, 300, 512, 699 })
        {
            ModelConfig config = AttentionLayer.Config(2, 1, 8, window);
            LayerSpans spans = new DensePolicy().Resolve(config, length)[0];
            int ring = spans.VisibleRing[0];
            Assert.Equal(window, spans.SlidingWindow);
            Assert.Equal(new HeadLayout(0, window), spans.Stored[0]);
            Assert.Equal(window, spans.StoredRows);
            Assert.Equal(window / 704.0, new DensePolicy().Density(config, length));
            for (int query = 0; query < length; query++)
            {
                for (int key = Math.Max(64, query - window + 1); key <= query; key++)
                {
                    Assert.True(key / 64 >= query / 64 - ring / 64 + 1, $"window {window}: prefill of {query} does not see {key}");
                    Assert.True(key > query - ring, $"window {window}: a decode step at {query} does not see {key}");
                }
            }
        }
    }

    [Fact]
    public void A_window_as_long_as_the_sequence_changes_nothing()
    {
        ModelConfig config = AttentionLayer.Config(2, 1, 8, 500);
        Assert.Equal([448, 448], new DensePolicy().Resolve(config, 500)[0].VisibleRing);
        Assert.Equal([new HeadLayout(0, 500)], new DensePolicy().Resolve(config, 500)[0].Stored);
        Assert.Equal([new HeadLayout(64, 64)], new DensePolicy().Resolve(config, 1)[0].Stored);
        Assert.Equal(1, new DensePolicy().Density(config, 1));
    }

    [Theory]
    [InlineData(int.MaxValue)]
    [InlineData(int.MaxValue - 62)]
    [InlineData(int.MaxValue - 63)]
    public void The_longest_lengths_do_not_overflow(int length)
    {
        const int Most = int.MaxValue / 64 * 64;
        Assert.Equal(Most, ElasticRule.Dense.Rows(length));
        Assert.Equal(1, ElasticRule.Dense.Density(length));
        Assert.Equal(0.5, new ElasticRule(0, 0.5).Density(length), 1e-6);
        ModelConfig windowed = AttentionLayer.Config(2, 1, 8, int.MaxValue - 100);
        Assert.All(new DensePolicy().Resolve(windowed, length), layer => Assert.Equal([new HeadLayout(0, int.MaxValue - 100)], layer.Stored));
    }

    [Fact]
    public void Streaming_llm_uses_one_rule_everywhere()
    {
        ModelConfig config = AttentionLayer.Config(4, 2, 8, layers: 3);
        StreamingLlmPolicy policy = new(new ElasticRule(0, 0.25));
        Assert.All(policy.Resolve(config, 1024), spans => Assert.All(spans.VisibleRing, ring => Assert.Equal(192, ring)));
        Assert.Equal(0.25, policy.Density(config, 1024));
    }
}
