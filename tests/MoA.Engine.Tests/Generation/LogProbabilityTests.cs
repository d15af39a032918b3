using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;

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
        int[] prompt = _model.RequireConversations().EncodePrompt([new ChatMessage("user", DemoModel.Question)]);
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

    [Fact]
    public void They_are_not_kept_unless_asked_for()
    {
        int[] prompt = _model.RequireConversations().EncodePrompt([new ChatMessage("user", "a")]);
        Assert.Empty(Run(prompt, new GenerationOptions { MaxNewTokens = 3 }).LogProbabilities);
        Assert.All(Run(prompt, new GenerationOptions { MaxNewTokens = 3, LogProbabilities = 0 }).LogProbabilities, token => Assert.Empty(token.Top));
    }

    private GenerationResult Run(int[] prompt, GenerationOptions options)
    {
        using SequenceCache sequence = _model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + options.MaxNewTokens, ElementType.F32);
        return new TextGenerator(_model).Run(sequence, prompt, options);
    }
}
