using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Search.Prefill;

namespace MoA.Search.Tests.Prefill;

/// <summary>MInference's search: its candidates, its count, and its choice.</summary>
public sealed class PatternSearchTests(DemoModel demo) : IClassFixture<DemoModel>
{
    [Fact]
    public void Candidates_are_the_published_ones_from_some_length_on()
    {
        Assert.Equal(1, PatternSearch.ScaleOf(8192));
        Assert.Equal(1, PatternSearch.ScaleOf(100_000));
        Assert.Equal(
            [
                new StreamPattern(100, 800), new VerticalSlashPattern(30, 800), new VerticalSlashPattern(100, 800), new VerticalSlashPattern(100, 750),
                new VerticalSlashPattern(500, 700), new VerticalSlashPattern(3500, 100), new VerticalSlashPattern(1000, 4096), new PooledBlocksPattern(100),
            ],
            PatternSearch.Candidates(1));
        Assert.Equal(new VerticalSlashPattern(125, 512), PatternSearch.Candidates(PatternSearch.ScaleOf(1024))[6]);
    }

    /// <summary>Every head gets the candidate that changes fewest outputs; here each is run through the model's layers on its own.</summary>
    [Fact]
    public void Each_head_gets_the_candidate_that_changes_fewest_outputs()
    {
        const double Scale = 0.02;
        int[] text = Text(400);
        (HeadPattern Pattern, long Score)[][] found = PatternSearch.Run(demo.Model, [text], Scale, 128);
        HeadPattern[] candidates = [.. PatternSearch.Candidates(Scale)];
        Transformer transformer = demo.Model.Transformer;
        Assert.Equal((transformer.Config.Layers, transformer.Config.QueryHeads), (found.Length, found[0].Length));

        using AttentionProbe probe = new(transformer, [.. candidates.Select(pattern => new PrefillPolicy("one", pattern, 128))], 5e-3f);
        using SequenceCache caches = transformer.CreateSequence(AttentionPolicy.Dense, 400);
        ForwardBatch batch = transformer.CreateBatch();
        _ = batch.Add(caches, text, AttentionMode.Prefill);
        transformer.Probe = probe;
        transformer.Forward(batch);
        transformer.Probe = null;
        for (int layer = 0; layer < found.Length; layer++)
        {
            for (int head = 0; head < found[layer].Length; head++)
            {
                long[] counts = [.. Enumerable.Range(0, candidates.Length).Select(candidate => probe.Deviations[layer, head, candidate])];
                Assert.Equal((candidates[Array.IndexOf(counts, counts.Min())], counts.Min()), found[layer][head]);
            }
        }

        Assert.Contains(found.SelectMany(layer => layer), head => head.Score > 0);
    }

    /// <summary>What is tried leaves no trace in what the model says, and nothing that keeps everything is off.</summary>
    [Fact]
    public void Trying_changes_nothing_and_what_keeps_everything_counts_nothing()
    {
        Transformer transformer = demo.Model.Transformer;
        int[] text = Text(300);
        float[] without = Logits(text, null);
        using AttentionProbe probe = new(
            transformer, [new PrefillPolicy("all", new VerticalSlashPattern(400, 400), 512), new PrefillPolicy("little", new StreamPattern(0, 1))], 5e-3f);
        Assert.Equal(without, Logits(text, probe));
        for (int layer = 0; layer < transformer.Config.Layers; layer++)
        {
            for (int head = 0; head < transformer.Config.QueryHeads; head++)
            {
                Assert.Equal(0, probe.Deviations[layer, head, 0]);
                Assert.True(probe.Deviations[layer, head, 1] > 0);
            }
        }
    }

    private float[] Logits(int[] text, AttentionProbe? probe)
    {
        Transformer transformer = demo.Model.Transformer;
        using SequenceCache caches = transformer.CreateSequence(AttentionPolicy.Dense, text.Length);
        ForwardBatch batch = transformer.CreateBatch();
        int first = batch.Add(caches, text, AttentionMode.Prefill);
        transformer.Probe = probe;
        transformer.Forward(batch);
        transformer.Probe = null;
        float[] logits = new float[transformer.Config.VocabularySize];
        transformer.Logits(batch, [first + text.Length - 1], logits);
        return logits;
    }

    private int[] Text(int length)
    {
        Random random = new(length);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(5, demo.Model.Config.VocabularySize))];
    }
}
