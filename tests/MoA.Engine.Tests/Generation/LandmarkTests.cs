using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Models;

namespace MoA.Engine.Tests.Generation;

/// <summary>Prompts that are read in pieces which others choose: bounds of a step, landmarks, and readings that are given up.</summary>
public sealed class LandmarkTests : IDisposable
{
    private static readonly HashSet<int> NoStops = [];

    private readonly ModelFixture _fixture = ModelFixture.Load("llama-gqa-llama3");
    private readonly ComputeBackend _backend = ComputeBackend.CreateCpu(2);
    private readonly Transformer _transformer;
    private readonly AttentionPolicy _policy = new StreamingLlmPolicy(new ElasticRule(192, 0));

    public LandmarkTests() => _transformer = new Transformer(_fixture.Model, _backend, maxRows: 96);

    [Fact]
    public void Steps_end_at_landmarks_and_what_is_read_is_the_same()
    {
        int[] prompt = Prompt(300);
        int[] expected = Alone(prompt);
        using SequenceCache caches = Caches();
        GenerationRun run = new(caches, prompt, 8, Greedy(), NoStops) { Landmarks = [250, 5, 64, 64, 0, -3, 300, 1000] };
        GenerationLoop loop = new(_transformer);
        loop.Add(run);
        List<int> stops = [];
        CacheSnapshot? snapshot = null;
        while (run.Finish == FinishReason.None)
        {
            _ = loop.Step();
            if (run.PrefilledTokens is var read && read != stops.LastOrDefault())
                stops.Add(read);
            if (run.PrefilledTokens == 250)
                snapshot ??= caches.TakeSnapshot();
        }

        Assert.Equal([5, 64, 160, 250, 300], stops);
        Assert.Equal(expected, run.Output);

        using SequenceCache again = snapshot!.Restore(308);
        snapshot.Dispose();
        GenerationRun rest = new(again, prompt.AsSpan(250), 8, Greedy(), NoStops);
        loop.Add(rest);
        loop.RunToEnd();
        Assert.Equal(expected, rest.Output);
    }

    [Fact]
    public void A_reading_that_is_given_up_leaves_what_was_read()
    {
        int[] prompt = Prompt(250);
        using SequenceCache caches = Caches();
        GenerationRun run = new(caches, prompt, 8, Greedy(), NoStops);
        GenerationLoop loop = new(_transformer);
        loop.Add(run);
        _ = loop.Step();
        _ = loop.Step();
        Assert.True(loop.Remove(run));
        Assert.Equal((192, 192), (run.PrefilledTokens, caches.Length));
        GenerationRun rest = new(caches, prompt.AsSpan(run.PrefilledTokens), 8, Greedy(), NoStops);
        loop.Add(rest);
        loop.RunToEnd();
        Assert.Equal(Alone(prompt), rest.Output);
    }

    public void Dispose()
    {
        _transformer.Dispose();
        _backend.Dispose();
        _fixture.Dispose();
    }

    private int[] Alone(int[] prompt, int tokens = 8)
    {
        using SequenceCache caches = Caches();
        GenerationRun run = new(caches, prompt, tokens, Greedy(), NoStops);
        GenerationLoop loop = new(_transformer);
        loop.Add(run);
        loop.RunToEnd();
        return [.. run.Output];
    }

    private SequenceCache Caches() => _transformer.CreateSequence(_policy, 308, ElementType.BF16);

    private Sampler Greedy() => new(SamplingOptions.Greedy, _transformer.Config.VocabularySize);

    private int[] Prompt(int tokens)
    {
        Random random = new(tokens);
        return [.. Enumerable.Range(0, tokens).Select(_ => random.Next(_transformer.Config.VocabularySize))];
    }
}
