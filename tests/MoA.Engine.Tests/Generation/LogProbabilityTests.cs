using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Generation;

/// <summary>Log-probabilities of written tokens against those that scoring, which is checked against references, gives them.</summary>
public sealed class LogProbabilityTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private readonly LanguageModel _model = demo.Model;

    /// <summary>Temperature and filters choose the tokens but do not change the numbers.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1.7)]
    public void They_are_those_of_scoring(double temperature)
    {
        int[] prompt = _model.RequireConversations().EncodePrompt([new ChatMessage(ChatRole.User, DemoModel.Question)]);
        GenerationResult result = Run(prompt, new GenerationOptions
        {
            MaxNewTokens = 30,
            LogProbabilities = 5,
            Sampling = new SamplingOptions { Temperature = temperature, TopK = temperature == 0 ? 0 : 40, Seed = 2 },
        });
        int[] all = [.. prompt, .. result.Tokens];
        bool[] scored = [.. all.Select((_, i) => i >= prompt.Length)];
        double[] expected = new SequenceScorer(_model.Transformer) { CacheType = ElementType.F32, DecodeFrom = prompt.Length }.Score(all, scored);
        Assert.Equal(result.Tokens, result.LogProbabilities.Select(token => token.Token));
        Assert.Equal(expected.Length, result.LogProbabilities.Count);
        for (int i = 0; i < expected.Length; i++)
        {
            TokenLogProbability token = result.LogProbabilities[i];
            Assert.Equal(expected[i], token.LogProbability, 1e-4);
            Assert.Equal(5, token.Top.Count);
            Assert.Equal(token.Top.OrderByDescending(other => other.LogProbability), token.Top);
            Assert.True(token.Top[0].LogProbability >= token.LogProbability);
            if (temperature == 0)
                Assert.Equal((token.Token, token.LogProbability), token.Top[0]);
        }
    }

    /// <summary>By hand: softmax of ln 1, ln 2, ln 3, ln 2 is 1/8, 1/4, 3/8, 1/4.</summary>
    [Fact]
    public void Ties_go_by_token_and_probabilities_add_up()
    {
        float[] logits = [MathF.Log(1), MathF.Log(2), MathF.Log(3), MathF.Log(2)];
        TokenLogProbability token = TokenLogProbability.From(logits, 3, 3);
        Assert.Equal(Math.Log(0.25), token.LogProbability, 1e-7);
        Assert.Equal([2, 1, 3], token.Top.Select(other => other.Token));
        Assert.Equal(Math.Log(0.375), token.Top[0].LogProbability, 1e-7);
        Assert.Equal(1, TokenLogProbability.From(logits, 0, 9).Top.Sum(other => Math.Exp(other.LogProbability)), 1e-7);
        Assert.Empty(TokenLogProbability.From(logits, 0, 0).Top);
    }

    /// <summary>Against a sort of everything and a sum in double; sums in another order differ by some roundings of 2^-53.</summary>
    [Fact]
    public void They_follow_the_definition()
    {
        var cases =
            from vocabulary in Gen.Elements(1, 3, 255, 256, 257, 1000, 5000)
            from top in Gen.Elements(0, 1, 5, 20, 6000)
            from steps in Gen.Elements(1, 4, 1_000_000) // of a unit: few make equal logits
            from spread in Gen.Elements(0, 1, 10, 200)
            from masked in Gen.Elements(0, 3)
            from seed in Gen.Choose(0, int.MaxValue)
            select (vocabulary, top, steps, spread, masked, seed);
        Prop.ForAll(cases.ToArbitrary(), one =>
        {
            SplitMix64 random = new((ulong)one.seed);
            float[] logits = new float[one.vocabulary];
            for (int i = 0; i < logits.Length; i++)
                logits[i] = (float)(Math.Round(random.NextDouble() * one.spread * one.steps) / one.steps);
            for (int i = 1; i < logits.Length && one.masked > 0; i += one.masked)
                logits[i] = float.NegativeInfinity;
            int token = 2 * (one.seed % one.vocabulary / 2);
            double largest = logits.Max(), normalizer = largest + Math.Log(logits.Sum(logit => Math.Exp(logit - largest)));
            int[] likeliest = [.. Enumerable.Range(0, logits.Length).OrderByDescending(i => logits[i]).ThenBy(i => i).Take(one.top)];
            TokenLogProbability found = TokenLogProbability.From(logits, token, one.top);
            Assert.Equal(logits[token] - normalizer, found.LogProbability, 1e-11);
            Assert.Equal(likeliest, found.Top.Select(other => other.Token));
            Assert.All(found.Top, other => Assert.Equal(logits[other.Token] - normalizer, other.LogProbability, 1e-11));
        }).Holds(300);
    }

    /// <summary>Runs that need their logits, for likelihoods, penalties or stop tokens not yet allowed, draw side by side.</summary>
    [Fact]
    public void Tokens_and_likelihoods_do_not_depend_on_the_number_of_threads()
    {
        (int[] Tokens, TokenLogProbability[] Scores)[] alone = Generate(1), together = Generate(4);
        for (int run = 0; run < alone.Length; run++)
        {
            Assert.Equal(alone[run].Tokens, together[run].Tokens);
            Assert.Equal(alone[run].Scores.Select(Numbers), together[run].Scores.Select(Numbers));
        }

        static double[] Numbers(TokenLogProbability score) =>
            [score.Token, score.LogProbability, .. score.Top.SelectMany(other => new[] { other.Token, other.LogProbability })];

        static (int[], TokenLogProbability[])[] Generate(int threads)
        {
            using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", "llama-mha"));
            using ComputeBackend backend = ComputeBackend.CreateCpu(threads);
            using Transformer transformer = new(model, backend, maxRows: 16);
            GenerationLoop loop = new(transformer);
            List<GenerationRun> runs = [];
            for (int i = 0; i < 6; i++)
            {
                Sampler sampler = new(
                    new SamplingOptions { Temperature = i % 3, TopP = 0.9, RepetitionPenalty = 1 + (i % 2), Seed = (ulong)i }, model.Config.VocabularySize);
                runs.Add(new GenerationRun(transformer.CreateSequence(new DensePolicy(), 40), [i + 1, 7], 30, sampler, new HashSet<int> { 3, 5 })
                {
                    LogProbabilities = i < 4 ? 3 : null,
                    MinNewTokens = 20,
                });
                loop.Add(runs[^1]);
            }

            loop.RunToEnd();
            runs.ForEach(run => run.Sequence.Dispose());
            return [.. runs.Select(run => (run.Output.ToArray(), run.Scores.ToArray()))];
        }
    }

    [Fact]
    public void They_are_not_kept_unless_asked_for()
    {
        int[] prompt = _model.RequireConversations().EncodePrompt([new ChatMessage(ChatRole.User, "a")]);
        Assert.Empty(Run(prompt, new GenerationOptions { MaxNewTokens = 3 }).LogProbabilities);
        Assert.All(Run(prompt, new GenerationOptions { MaxNewTokens = 3, LogProbabilities = 0 }).LogProbabilities, token => Assert.Empty(token.Top));
    }

    private GenerationResult Run(int[] prompt, GenerationOptions options)
    {
        using SequenceCache sequence = _model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + options.MaxNewTokens, ElementType.F32);
        return new TextGenerator(_model).Run(sequence, prompt, options);
    }
}
