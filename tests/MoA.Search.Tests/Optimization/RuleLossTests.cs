using MoA.Engine.Attention;
using MoA.Search.Optimization;

namespace MoA.Search.Tests.Optimization;

public sealed class RuleLossTests
{
    private static readonly IReadOnlyList<ElasticRule> Small = RuleSpace.FromInterval([256, 512], [1024], [768], 64);

    [Theory]
    [InlineData("llama-mha", 256)]
    [InlineData("llama-mha", 512)]
    [InlineData("llama-gqa-llama3", 256)]
    [InlineData("llama-gqa-llama3", 512)]
    public void Losses_of_query_and_key_value_heads_are_those_of_the_fixture(string model, int length)
    {
        (int[] shape, float[] sums) = FixtureTensors.Read(
            "block_sums_mean", "profiling", $"{model}-n{length}", "expected.safetensors");
        double[] losses = RuleLoss.Compute(sums, shape[0], shape[1], length, Small);
        Close(Expected($"loss.{length}").Values, losses);

        (int[] grouped, float[] expected) = Expected($"loss_kv.{length}");
        Close(expected, RuleLoss.OfKeyValueHeads(losses, shape[0], shape[1], grouped[1]));

        (int[] Shape, float[] Values) Expected(string tensor) =>
            FixtureTensors.Read(tensor, "rules", $"losses-{model}.stored.safetensors");
    }

    [Fact]
    public void Every_band_equals_the_sum_over_its_mask()
    {
        // 5 blocks, the last one not full; the entries above the diagonal must not count.
        const int Length = 290;
        const int Blocks = 5;
        float[] sums = [.. Enumerable.Range(0, Blocks * Blocks).Select(i => 1 + i * i % 17)];
        ElasticRule[] rules = [new(1, 0), new(128, 0), new(192, 0), new(256, 0), new(0, 1), new(5000, 0)];
        double[] losses = RuleLoss.Compute(sums, 1, 1, Length, rules);
        for (int rule = 0; rule < rules.Length; rule++)
        {
            int ring = rules[rule].RingRows(Length) / 64;
            double hidden = 0;
            for (int query = 0; query < Blocks; query++)
            {
                for (int key = 0; key <= query; key++)
                    hidden += key == 0 || key >= query - ring + 1 ? 0 : sums[query * Blocks + key];
            }

            Assert.Equal(hidden, losses[rule]);
        }

        Assert.Equal(0, losses[4]);
    }

    [Fact]
    public void Shapes_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => RuleLoss.Compute(new float[15], 1, 1, 256, Small));
        Assert.Throws<ArgumentException>(() => RuleLoss.OfKeyValueHeads(new double[12], 1, 6, 4));
    }

    private static void Close(float[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.InRange(actual[i], expected[i] * (1 - 1e-5) - 1e-9, expected[i] * (1 + 1e-5) + 1e-9);
    }
}
