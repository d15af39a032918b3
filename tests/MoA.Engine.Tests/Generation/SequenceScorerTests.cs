using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models;

namespace MoA.Engine.Tests.Generation;

public sealed class SequenceScorerTests
{
    public static TheoryData<string> Models => [.. ModelFixture.Names];

    [Theory]
    [MemberData(nameof(Models))]
    public void Prefill_and_decoding_give_the_reference_losses(string name)
    {
        using ModelFixture fixture = ModelFixture.Load(name);
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 100);
        SequenceScorer scorer = new(transformer) { CacheType = ElementType.F32 };
        bool[] all = [.. fixture.Tokens.Select(_ => true)];
        double[] prefilled = scorer.Score(fixture.Tokens, all.AsSpan());
        Assert.Equal(fixture.Tokens.Length - 1, prefilled.Length);
        Assert.Equal(fixture.MeanCrossEntropy, -prefilled.Average(), 1e-4);
        // Of quantised weights activations are rounded, to 16 bits here.
        double tolerance = fixture.Model.Weights.ElementTypes.Any(type => type.IsQuantized()) ? 1e-3 : 1e-4;
        foreach (int from in new[] { 0, 1, 70 })
        {
            scorer.DecodeFrom = from;
            double[] decoded = scorer.Score(fixture.Tokens, all);
            Assert.All(prefilled.Zip(decoded), pair => Assert.Equal(pair.First, pair.Second, tolerance));
        }
    }

    /// <summary>Also the last token, which is only predicted.</summary>
    [Theory]
    [InlineData(-1)]
    [InlineData(1_000_000)]
    public void A_token_outside_the_vocabulary_is_refused_wherever_it_stands(int token)
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 8);
        SequenceScorer scorer = new(transformer);
        foreach (int[] tokens in new int[][] { [token, 1], [1, token, 2], [1, token] })
        {
            InvalidInputException refusal = Assert.Throws<InvalidInputException>(() => scorer.Score(tokens, [.. tokens.Select((_, i) => i > 0)]));
            Assert.StartsWith($"token {token}: ", refusal.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Only_marked_positions_are_scored_and_in_order()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(fixture.Model, backend, maxRows: 90);
        SequenceScorer scorer = new(transformer) { CacheType = ElementType.F32 };
        double[] all = scorer.Score(fixture.Tokens, [.. fixture.Tokens.Select(_ => true)]);
        bool[] some = [.. fixture.Tokens.Select((_, i) => i % 7 == 0 || i == fixture.Tokens.Length - 1)];
        double[] expected = [.. Enumerable.Range(1, all.Length).Where(i => some[i]).Select(i => all[i - 1])];
        double[] scored = scorer.Score(fixture.Tokens, some);
        Assert.Equal(expected.Length, scored.Length);
        Assert.All(expected.Zip(scored), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        Assert.Empty(scorer.Score([5], [true]));
        Assert.Empty(scorer.Score([], []));
        Assert.Empty(scorer.Score(fixture.Tokens, new bool[fixture.Tokens.Length]));
    }

    /// <summary>With N = 100 + 500 half of the length is 300 tokens: the rule is as good as a constant one of 300.</summary>
    [Fact]
    public void Rules_see_prefilled_and_new_tokens()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-gqa-llama3");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(fixture.Model, backend);
        int[] tokens = [.. Enumerable.Range(0, 450).Select(i => fixture.Tokens[i % fixture.Tokens.Length])];
        bool[] all = [.. tokens.Select(_ => true)];
        double[] announced = Score(new ElasticRule(0, 0.5), 500);
        Assert.Equal(Score(new ElasticRule(300, 0), null), announced);
        Assert.NotEqual(Score(new ElasticRule(0, 0.5), null), announced); // N = 450: one block less

        double[] Score(ElasticRule rule, int? maxNewTokens) => new SequenceScorer(transformer)
        {
            CacheType = ElementType.F32,
            Policy = new StreamingLlmPolicy(rule),
            DecodeFrom = 100,
            MaxNewTokens = maxNewTokens,
        }.Score(tokens, all);
    }
}
