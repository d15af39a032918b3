using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;

namespace MoA.Serving.Tests;

/// <summary>How likely a prompt was, beside <see cref="SequenceScorer"/> and the definition of a log-softmax.</summary>
public sealed class PromptScoreTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private readonly LanguageModel _model = demo.Model;

    /// <summary>Prompts longer and shorter than a pass, beside others, with their beginnings in kept caches.</summary>
    [Theory]
    [InlineData(ElementType.F32, true)]
    [InlineData(ElementType.BF16, false)]
    public async Task Prompts_are_as_likely_as_the_scorer_says(ElementType cacheType, bool dense)
    {
        AttentionPolicy policy = dense ? new DensePolicy() : new PlanPolicy(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(64, 0.25)));
        Random random = new(7);
        int[][] prompts = [.. ((int[])[700, 2, 130, 64, 1]).Select(length => Enumerable.Range(0, length).Select(_ => random.Next(1, 1270)).ToArray())];
        IReadOnlyList<TokenLogProbability>[] scores;
        await using (ModelService service = new(_model, new ServiceOptions { Policy = policy, CacheType = cacheType, CacheBytes = 64 << 20 }))
        {
            foreach (int[] prompt in prompts)
                _ = await service.Generate(new GenerationRequest { Prompt = prompt, MaxNewTokens = 1 }).Outcome;
            TextReply beside = service.Generate(new GenerationRequest { Prompt = [5], MaxNewTokens = 200, Sampling = new SamplingOptions { Temperature = 2, Seed = 1 } });
            scores = await Task.WhenAll(prompts.Select(async prompt =>
            {
                TextReply reply = service.Generate(new GenerationRequest { Prompt = prompt, MaxNewTokens = 0, PromptLogProbabilities = 3 });
                GenerationOutcome outcome = await reply.Outcome;
                Assert.Equal((0, 0, FinishReason.Length, ""), (outcome.Tokens.Count, outcome.Usage.CachedTokens, outcome.Finish, outcome.Text));
                return reply.PromptLogProbabilities;
            }));
            _ = await beside.Outcome;
        }

        SequenceScorer scorer = new(_model.Transformer) { Policy = policy, CacheType = cacheType };
        for (int i = 0; i < prompts.Length; i++)
        {
            double[] expected = scorer.Score(prompts[i], [.. prompts[i].Select(_ => true)]);
            Assert.Equal(expected, scores[i].Select(score => score.LogProbability));
            Assert.Equal(prompts[i].Skip(1), scores[i].Select(score => score.Token));
            Assert.All(scores[i], score => Assert.Equal(3, score.Top.Count));
        }

        CheckByDefinition(prompts[2], policy, cacheType, scores[2]);
    }

    [Fact]
    public async Task A_text_goes_on_behind_its_prompts_likelihoods()
    {
        await using ModelService service = new(_model, new ServiceOptions { CacheType = ElementType.F32, CacheBytes = 64 << 20 });
        GenerationRequest request = new() { Prompt = _model.RequireTokenizer().EncodePrompt("The key of alpha is 4711. The key of"), MaxNewTokens = 6, LogProbabilities = 0 };
        GenerationOutcome alone = await service.Generate(request).Outcome;
        TextReply reply = service.Generate(request with { PromptLogProbabilities = 0 });
        await foreach (GenerationPiece _ in reply)
            Assert.Equal(request.Prompt.Count - 1, reply.PromptLogProbabilities.Count);
        Assert.Equal(alone.Tokens, (await reply.Outcome).Tokens);
        reply = service.Generate(request);
        _ = await reply.Outcome;
        Assert.Empty(reply.PromptLogProbabilities);
    }

    private void CheckByDefinition(int[] prompt, AttentionPolicy policy, ElementType cacheType, IReadOnlyList<TokenLogProbability> scores)
    {
        int vocabulary = _model.Config.VocabularySize;
        ForwardBatch batch = _model.Transformer.CreateBatch();
        using SequenceCache caches = _model.Transformer.CreateSequence(policy, prompt.Length, cacheType);
        _ = batch.Add(caches, prompt, AttentionMode.Prefill);
        _model.Transformer.Forward(batch);
        float[] logits = new float[vocabulary];
        for (int position = 0; position < prompt.Length - 1; position += 7)
        {
            _model.Transformer.Logits(batch, [position], logits);
            double sum = logits.Sum(logit => Math.Exp(logit));
            Assert.Equal(Math.Log(Math.Exp(logits[prompt[position + 1]]) / sum), scores[position].LogProbability, 1e-6);
            int[] likeliest = [.. Enumerable.Range(0, vocabulary).OrderByDescending(token => logits[token]).ThenBy(token => token).Take(3)];
            Assert.Equal(likeliest, scores[position].Top.Select(top => top.Token));
        }
    }
}
