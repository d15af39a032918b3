using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;

namespace MoA.Serving.Tests;

/// <summary>What outlives a request: the caches of its text, for whoever goes on from there.</summary>
public sealed class PrefixTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private readonly LanguageModel _model = demo.Model;

    private static ServiceOptions Dense { get; } = new() { CacheType = ElementType.F32, CacheBytes = 256 << 20 };

    // Rings of 128 rows: they turn in these texts.
    private static ServiceOptions Windows { get; } = Dense with
    {
        Policy = new PlanPolicy(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(128, 0))),
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_text_that_goes_on_reads_only_what_is_new(bool dense)
    {
        await using ModelService service = new(_model, dense ? Dense : Windows);
        int[] first = Tokens(1, 300);
        GenerationOutcome one = await service.Generate(Ask(first, 20)).Outcome;
        int[] second = [.. first, .. one.Tokens, .. Tokens(2, 30)];
        GenerationOutcome two = await service.Generate(Ask(second, 20)).Outcome;
        Assert.Equal((0, first.Length + one.Tokens.Count - 1), (one.Usage.CachedTokens, two.Usage.CachedTokens));
        Assert.Null(two.Usage.ReadAgain);
        if (dense)
            Assert.Equal(Alone(second, 20, Dense), two.Tokens);
        Assert.Equal(1, service.State.Prefixes); // the second text's serves whoever would have gone on from the first
    }

    /// <summary>Several texts go on from one, in any order, and each is what it would be alone.</summary>
    [Fact]
    public async Task Forks_of_a_text_do_not_disturb_each_other()
    {
        await using ModelService service = new(_model, Dense);
        int[] common = Tokens(3, 200);
        GenerationOutcome root = await service.Generate(Ask(common, 8)).Outcome;
        int[] trunk = [.. common, .. root.Tokens];
        int[][] prompts = [.. Enumerable.Range(0, 6).Select(i => (int[])[.. trunk[..(common.Length - 10 * i)], .. Tokens(10 + i, 40)])];
        GenerationOutcome[] outcomes = await Task.WhenAll(prompts.Select(prompt => service.Generate(Ask(prompt, 16)).Outcome));
        for (int i = 0; i < prompts.Length; i++)
        {
            Assert.Equal(Alone(prompts[i], 16, Dense), outcomes[i].Tokens);
            Assert.InRange(outcomes[i].Usage.CachedTokens, common.Length - 10 * i, trunk.Length);
        }
    }

    /// <summary>Under windows, a text can be gone on from where it was marked, though rows of it have been overwritten since.</summary>
    [Fact]
    public async Task Under_windows_another_answer_goes_on_from_the_landmark()
    {
        await using ModelService service = new(_model, Windows);
        int[] prompt = Tokens(4, 400);
        GenerationRequest request = Ask(prompt, 64) with { Landmarks = [150, 390] };
        _ = await service.Generate(request).Outcome;
        int[] other = [.. prompt[..390], .. Tokens(5, 20)], system = [.. prompt[..150], .. Tokens(6, 100)], parted = [.. prompt[..250], .. Tokens(7, 20)];
        Assert.Equal(390, (await service.Generate(Ask(other, 8)).Outcome).Usage.CachedTokens);
        Assert.Equal(150, (await service.Generate(Ask(system, 8)).Outcome).Usage.CachedTokens);
        Usage usage = (await service.Generate(Ask(parted, 8)).Outcome).Usage;
        Assert.Equal(150, usage.CachedTokens);
        Assert.Contains("evicted", usage.ReadAgain, StringComparison.Ordinal);
    }

    /// <summary>Of several requests with one long prompt, one reads it.</summary>
    [Fact]
    public async Task A_prompt_that_several_ask_for_at_once_is_read_once()
    {
        await using ModelService service = new(_model, Dense);
        int[] prompt = Tokens(8, 1500);
        GenerationOutcome[] outcomes = await Task.WhenAll(
            Enumerable.Range(0, 4).Select(i => service.Generate(Ask(prompt, 6) with { Sampling = new() { Temperature = 1, Seed = (ulong)i } }).Outcome));
        Assert.Equal(3, outcomes.Count(outcome => outcome.Usage.CachedTokens == prompt.Length - 1));
        Assert.Equal(prompt.Length + 3, service.State.PromptTokens - service.State.CachedTokens);
    }

    /// <summary>Kept caches give way to requests, the oldest first, and the memory is never exceeded.</summary>
    [Fact]
    public async Task Kept_caches_give_way_within_the_memory()
    {
        long one = SequenceCache.EstimateBytes(_model.Config, new DensePolicy(), 320, ElementType.F32);
        await using ModelService service = new(_model, Dense with { CacheBytes = 3 * one });
        int[][] prompts = [.. Enumerable.Range(20, 5).Select(i => Tokens(i, 300))];
        foreach (int[] prompt in prompts)
            _ = await service.Generate(Ask(prompt, 20)).Outcome;
        ServiceState state = service.State;
        Assert.InRange(state.PeakCacheBytes, 2 * one, 3 * one);
        Assert.InRange(state.Prefixes, 2, 3);
        Usage last = (await service.Generate(Ask([.. prompts[4], 1], 5)).Outcome).Usage, first = (await service.Generate(Ask([.. prompts[0], 1], 5)).Outcome).Usage;
        Assert.Equal((300, 0), (last.CachedTokens, first.CachedTokens));
        Assert.Contains("given up", first.ReadAgain, StringComparison.Ordinal);
        long allocated = _model.Transformer.Backend.Allocator.AllocatedBytes;
        Assert.InRange(service.State.CacheBytes, 1, Math.Min(3 * one, allocated));
        await service.DisposeAsync();
        Assert.True(allocated - _model.Transformer.Backend.Allocator.AllocatedBytes >= state.CacheBytes - one);
    }

    [Fact]
    public async Task Who_does_not_want_it_leaves_nothing_behind()
    {
        await using ModelService service = new(_model, Dense);
        _ = await service.Generate(Ask(Tokens(9, 100), 5) with { KeepsPrefix = false }).Outcome;
        Assert.Equal((0, 0L), (service.State.Prefixes, service.State.CacheBytes));
    }

    private static GenerationRequest Ask(int[] prompt, int newTokens) => new() { Prompt = prompt, MaxNewTokens = newTokens };

    private int[] Tokens(int seed, int length)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(5, _model.Config.VocabularySize))];
    }

    private int[] Alone(int[] prompt, int newTokens, ServiceOptions options)
    {
        using SequenceCache caches = _model.Transformer.CreateSequence(options.Policy, prompt.Length + newTokens, options.CacheType);
        return new TextGenerator(_model).Run(caches, prompt, new GenerationOptions { MaxNewTokens = newTokens }).Tokens;
    }
}
