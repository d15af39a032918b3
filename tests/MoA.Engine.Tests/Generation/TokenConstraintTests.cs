using System.Numerics.Tensors;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;

namespace MoA.Engine.Tests.Generation;

/// <summary>Only what a constraint allows is drawn, and a bias is added to logits.</summary>
public sealed class TokenConstraintTests : IClassFixture<DemoModel>
{
    private readonly LanguageModel _model;

    public TokenConstraintTests(DemoModel demo) => _model = demo.Model;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_sampler_draws_what_is_allowed(double temperature)
    {
        const int vocabulary = 150; // no multiple of a word's bits
        Random random = new(3);
        EverySeventh constraint = new(vocabulary);
        Sampler sampler = new(new SamplingOptions { Temperature = temperature, RepetitionPenalty = 1.2, TopK = 40 }, vocabulary, constraint);
        Sampler plain = new(new SamplingOptions(), vocabulary, new EverySeventh(vocabulary));
        for (int step = 0; step < 200; step++)
        {
            float[] logits = [.. Enumerable.Range(0, vocabulary).Select(_ => (float)random.NextDouble() * 10)];
            Assert.Equal(step % 7, sampler.Next(logits) % 7);
            float[] masked = [.. logits.Select((logit, token) => token % 7 == step % 7 ? logit : float.MinValue)];
            Assert.Equal(TensorPrimitives.IndexOfMax<float>(masked), plain.Next(logits));
        }

        Assert.Equal(200, constraint.Accepted);
    }

    [Fact]
    public void What_must_be_written_comes_before_what_may_not_come_again()
    {
        Sampler sampler = new(new SamplingOptions { NoRepeatNgramSize = 1 }, 3, new Fixed(3, [1, 1, 1, 0]));
        Assert.Equal([1, 1, 1, 0], Enumerable.Range(0, 4).Select(_ => sampler.Next([0, 1, 2])));
    }

    [Fact]
    public void Forbidden_tokens_are_written_where_no_others_are_allowed()
    {
        Sampler sampler = new(SamplingOptions.Greedy, 3, new Fixed(3, [1]));
        Assert.Equal(1, sampler.Next([0, 1, 2], new HashSet<int> { 1 }));
    }

    [Fact]
    public void A_constraint_that_allows_nothing_is_said()
    {
        Sampler sampler = new(SamplingOptions.Greedy, 3, new Fixed(3, [3]));
        Assert.Contains("allows no token", Assert.Throws<InvalidOperationException>(() => sampler.Next([0, 1, 2])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    public void A_run_writes_what_is_allowed_and_tells_likelihoods_of_the_model(bool lookup, double temperature)
    {
        GenerationResult result = Run(lookup, temperature, 60);
        Assert.Equal(60, result.Tokens.Length);
        Assert.All(result.Tokens.Index(), entry => Assert.Equal(entry.Index % 7, entry.Item % 7));

        // The likeliest of all tokens is hardly ever one that is allowed, yet it is told.
        Assert.Contains(result.LogProbabilities, one => one.Top[0].Token != one.Token);
        Assert.Equal(Run(!lookup, temperature, 60).Tokens, result.Tokens);
    }

    [Fact]
    public void A_run_ends_where_only_a_stop_token_is_allowed()
    {
        int stop = _model.StopTokens.First();
        GenerationOptions options = new() { Constraint = new Fixed(_model.Config.VocabularySize, [300, 301, stop]) };
        GenerationResult result = Run(options);
        Assert.Equal([300, 301, stop], result.Tokens);
        Assert.Equal(FinishReason.Stop, result.Finish);
        GenerationResult cut = Run(options with { MaxNewTokens = 2, Constraint = new Fixed(_model.Config.VocabularySize, [300, 301, stop]) });
        Assert.Equal(FinishReason.Length, cut.Finish);
    }

    [Fact]
    public void A_bias_forces_and_forbids()
    {
        int[] plain = Run(new GenerationOptions { MaxNewTokens = 4 }).Tokens;
        Assert.Equal([77, 77, 77, 77], Run(Biased(77, 100, 4)).Tokens);
        Assert.DoesNotContain(plain[0], Run(Biased(plain[0], -100, 4)).Tokens);
        Assert.Equal(plain, Run(Biased(plain[0], 0, 4)).Tokens);

        static GenerationOptions Biased(int token, double bias, int tokens) =>
            new() { MaxNewTokens = tokens, Sampling = new() { LogitBias = new Dictionary<int, double> { [token] = bias } } };
    }

    [Fact]
    public void A_bias_is_added_before_penalties_and_allocates_nothing()
    {
        SamplingOptions options = new() { LogitBias = new Dictionary<int, double> { [0] = 1, [3] = -2.5 }, RepetitionPenalty = 2 };
        LogitPenalties penalties = new(options, 4);
        penalties.Read([0, 3]);
        Assert.Equal([1.5f, 1, 1, -1], penalties.Apply([2, 1, 1, 2]).ToArray());
        float[] logits = [2, 1, 1, 2];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 0; step < 100; step++)
            _ = penalties.Apply(logits);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(3, 101, "logit-bias of token 3: 101: expected a number from -100 to 100")]
    [InlineData(3, double.NaN, "logit-bias of token 3: NaN: expected a number from -100 to 100")]
    [InlineData(4, 1, "logit-bias of token 4: expected a token of the vocabulary, 0 to 3")]
    [InlineData(-1, 1, "logit-bias of token -1: expected a token of the vocabulary, 0 to 3")]
    public void A_bias_out_of_range_is_refused(int token, double bias, string said)
    {
        SamplingOptions options = new() { LogitBias = new Dictionary<int, double> { [token] = bias } };
        Assert.Equal(said, Assert.Throws<InvalidInputException>(() => new Sampler(options, 4)).Message);
    }

    private GenerationResult Run(bool lookup, double temperature, int tokens) => Run(new GenerationOptions
    {
        MaxNewTokens = tokens,
        Lookup = lookup,
        LogProbabilities = 1,
        Sampling = new() { Temperature = temperature, Seed = 4 },
        Constraint = new EverySeventh(_model.Config.VocabularySize),
    });

    private GenerationResult Run(GenerationOptions options)
    {
        int[] prompt = _model.RequireTokenizer().EncodePrompt(DemoModel.Question);
        using SequenceCache cache = _model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + 100);
        return new TextGenerator(_model).Run(cache, prompt, options);
    }

    /// <summary>Of the token at place i allows those with the remainder i by seven.</summary>
    private sealed class EverySeventh(int vocabulary) : TokenConstraint
    {
        public int Accepted { get; private set; }

        public override void Allow(Span<ulong> allowed)
        {
            for (int token = Accepted % 7; token < vocabulary; token += 7)
                allowed[token / 64] |= 1UL << token;
        }

        public override void Accept(int token)
        {
            Assert.Equal(Accepted % 7, token % 7);
            Accepted++;
        }
    }

    /// <summary>Allows one token at each place.</summary>
    private sealed class Fixed(int vocabulary, int[] tokens) : TokenConstraint
    {
        private int _place;

        public override void Allow(Span<ulong> allowed)
        {
            Assert.Equal((vocabulary + 63) / 64, allowed.Length);
            allowed[tokens[_place] / 64] |= 1UL << tokens[_place];
        }

        public override void Accept(int token) => Assert.Equal(tokens[_place++], token);
    }
}
