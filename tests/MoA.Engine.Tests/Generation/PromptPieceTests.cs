using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;

namespace MoA.Engine.Tests.Generation;

/// <summary>In which pieces a loop reads prompts.</summary>
public sealed class PromptPieceTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private readonly LanguageModel _model = demo.Model;

    [Fact]
    public void Short_prompts_do_not_wait_for_a_long_one_that_does_not_wait_for_them()
    {
        GenerationLoop loop = new(_model.Transformer) { MaxPromptTokens = 20 };
        using SequenceCache one = Caches(), two = Caches(), three = Caches();
        GenerationRun longest = Run(one, 100), longer = Run(two, 60), shortest = Run(three, 15);
        foreach (GenerationRun run in (GenerationRun[])[longest, longer, shortest])
            loop.Add(run);
        _ = loop.Step();
        Assert.Equal((10, 0, 10), (longest.PrefilledTokens, longer.PrefilledTokens, shortest.PrefilledTokens));
        _ = loop.Step();
        Assert.Equal((20, 5, 15), (longest.PrefilledTokens, longer.PrefilledTokens, shortest.PrefilledTokens));
        loop.MaxPromptTokens = 0;
        Assert.Equal(1, loop.Step()); // the shortest is being written
        Assert.Equal((20, 5, 15), (longest.PrefilledTokens, longer.PrefilledTokens, shortest.PrefilledTokens));
        loop.MaxPromptTokens = 200;
        _ = loop.Step();
        Assert.Equal((100, 60), (longest.PrefilledTokens, longer.PrefilledTokens));
    }

    private SequenceCache Caches() => _model.Transformer.CreateSequence(new DensePolicy(), 120);

    private GenerationRun Run(SequenceCache caches, int length)
    {
        Random random = new(length);
        int[] prompt = [.. Enumerable.Range(0, length).Select(_ => random.Next(5, 200))];
        return new GenerationRun(caches, prompt, 8, new Sampler(SamplingOptions.Greedy, _model.Config.VocabularySize), new HashSet<int>());
    }
}
