using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;

namespace MoA.Engine.Tests.Generation;

/// <summary>Prefill policies in a whole model: batches, turns, kept beginnings, and every policy of caches.</summary>
public sealed class SparsePrefillModelTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private const string Slashes = "minference:vertical=60,slash=100,piece=256";

    private readonly LanguageModel _model = demo.Model;

    /// <summary>What else is in a batch, and into how small pieces the others are cut, changes nothing.</summary>
    [Theory]
    [InlineData(Slashes)]
    [InlineData("snapkv:density=0.25+xattention:threshold=0.6")]
    [InlineData("flexprefill:gamma=0.5,piece=128")]
    public void A_text_is_written_the_same_alone_and_among_others(string text)
    {
        AttentionPolicy policy = _model.ReadPolicy(text);
        int[][] prompts = [.. new[] { 700, 40, 333, 512 }.Select(length => Prompt(length))];
        int[][] alone = [.. prompts.Select(prompt => Write([prompt], policy)[0])];
        Assert.Equal(alone, Write(prompts, policy));
    }

    /// <summary>A piece that does not fit beside those who write gets a pass of its own; and they go on.</summary>
    [Fact]
    public void Pieces_wait_for_no_one_and_no_one_waits_for_ever()
    {
        using SequenceCache writing = _model.Transformer.CreateSequence(AttentionPolicy.Dense, 200);
        using SequenceCache reading = _model.Transformer.CreateSequence(_model.ReadPolicy("minference:vertical=60,slash=100"), 1600);
        GenerationLoop loop = new(_model.Transformer);
        GenerationRun writer = Run(writing, Prompt(20), 100), reader = Run(reading, Prompt(1500), 2);
        loop.Add(writer);
        _ = loop.Step();
        loop.Add(reader);
        List<int> read = [];
        while (reader.PrefilledTokens < 1500 && read.Count < 20)
        {
            int before = reader.PrefilledTokens;
            _ = loop.Step();
            read.Add(reader.PrefilledTokens - before);
        }

        Assert.Equal([0, 512, 0, 512, 476], read);
        Assert.True(writer.Output.Count >= 3);
    }

    /// <summary>Whose piece waits may leave, or be told to wait: the others go on in the very next step.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void No_step_is_lost_to_a_piece_that_is_not_read(bool leaves)
    {
        using SequenceCache writing = _model.Transformer.CreateSequence(AttentionPolicy.Dense, 200);
        using SequenceCache reading = _model.Transformer.CreateSequence(_model.ReadPolicy("minference:vertical=60,slash=100"), 1600);
        GenerationLoop loop = new(_model.Transformer);
        GenerationRun writer = Run(writing, Prompt(20), 100), reader = Run(reading, Prompt(1500), 2);
        loop.Add(writer);
        _ = loop.Step();
        loop.Add(reader);
        _ = loop.Step(); // the piece does not fit beside the other's token
        int written = writer.Output.Count;
        if (leaves)
            _ = loop.Remove(reader);
        else
            loop.MaxPromptTokens = 0;
        Assert.Equal(1, loop.Step());
        Assert.Equal((written + 1, 0), (writer.Output.Count, reader.PrefilledTokens));
    }

    /// <summary>Every policy of caches runs with one for prefill: bytes afterwards are the same, and generated tokens see what they would.</summary>
    [Fact]
    public void Every_cache_policy_can_be_combined()
    {
        int[] prompt = Prompt(500);
        foreach (string text in PolicyReader.Expand("all:density=0.25", _model.Config).Append("dense"))
        {
            AttentionPolicy plain = _model.ReadPolicy(text), combined = _model.ReadPolicy($"{text}+minference:vertical=500,slash=500,piece=128");
            (long bytes, int[] tokens) = Held(plain);
            (long sparseBytes, int[] same) = Held(combined); // everything is chosen
            Assert.Equal(bytes, sparseBytes);
            Assert.Equal(tokens, same);
            Assert.Equal(bytes, Held(_model.ReadPolicy($"{text}+tri-shape:init=16,local=64,last=8")).Bytes);
        }

        (long Bytes, int[] Tokens) Held(AttentionPolicy policy)
        {
            using SequenceCache sequence = _model.Transformer.CreateSequence(policy, 520);
            GenerationLoop loop = new(_model.Transformer);
            GenerationRun run = Run(sequence, prompt, 12);
            loop.Add(run);
            loop.RunToEnd();
            return (sequence.Bytes, [.. run.Output]);
        }
    }

    /// <summary>A kept beginning serves another text as far as it was read as that text would be.</summary>
    [Theory]
    [InlineData(Slashes, 400, 256)]
    [InlineData(Slashes, 200, 0)]
    [InlineData("xattention", 300, 256)]
    [InlineData("tri-shape:last=100", 650, 600)]
    [InlineData("tri-shape:last=0", 650, 650)]
    [InlineData("dense", 650, 650)]
    public void Beginnings_are_shared_where_that_changes_nothing(string text, int shared, int landing)
    {
        AttentionPolicy policy = _model.ReadPolicy(text);
        int[] first = Prompt(700), second = [.. first[..shared], .. Prompt(900)[shared..]];
        using SequenceCache caches = _model.Transformer.CreateSequence(policy, 1000);
        _ = Logits(caches, first);
        Assert.Equal(landing, caches.Landing(shared));
        Assert.Equal(landing == shared, caches.CanRewind(shared));
        if (landing == 0)
            return;
        using SequenceCache fork = caches.Fork(1000, landing);
        using SequenceCache afresh = _model.Transformer.CreateSequence(policy, 1000);
        Assert.Equal(Logits(afresh, second), Logits(fork, second[landing..]));
    }

    [Fact]
    public void A_prompt_cut_within_a_piece_is_refused()
    {
        using SequenceCache caches = _model.Transformer.CreateSequence(_model.ReadPolicy(Slashes), 600);
        ForwardBatch batch = _model.Transformer.CreateBatch();
        ArgumentException refused = Assert.Throws<ArgumentException>(() => batch.Add(caches, Prompt(100), AttentionMode.Prefill, toCome: 400));
        Assert.Contains("multiples of 256 tokens", refused.Message, StringComparison.Ordinal);
        InvalidInputException large = Assert.Throws<InvalidInputException>(
            () => _model.Transformer.CreateSequence(_model.ReadPolicy("minference:piece=1024"), 600));
        Assert.Contains("in pieces of 1024 tokens, more than the 512 of a pass", large.Message, StringComparison.Ordinal);
    }

    private float[] Logits(SequenceCache caches, int[] tokens)
    {
        ForwardBatch batch = _model.Transformer.CreateBatch();
        int last = 0;
        for (int start = 0, count; start < tokens.Length; start += count)
        {
            count = caches.NextTokens(tokens.Length - start, 512);
            batch.Clear();
            last = batch.Add(caches, tokens.AsSpan(start, count), AttentionMode.Prefill, tokens.Length - start - count) + count - 1;
            _model.Transformer.Forward(batch);
        }

        float[] logits = new float[_model.Config.VocabularySize];
        _model.Transformer.Logits(batch, [last], logits);
        return logits;
    }

    private int[][] Write(int[][] prompts, AttentionPolicy policy)
    {
        SequenceCache[] caches = [.. prompts.Select(prompt => _model.Transformer.CreateSequence(policy, prompt.Length + 20))];
        try
        {
            GenerationLoop loop = new(_model.Transformer);
            GenerationRun[] runs = [.. prompts.Select((prompt, i) => Run(caches[i], prompt, 10))];
            foreach (GenerationRun run in runs)
                loop.Add(run);
            loop.RunToEnd();
            return [.. runs.Select(run => run.Output.ToArray())];
        }
        finally
        {
            foreach (SequenceCache cache in caches)
                cache.Dispose();
        }
    }

    private GenerationRun Run(SequenceCache caches, int[] prompt, int tokens) =>
        new(caches, prompt, tokens, new Sampler(SamplingOptions.Greedy, _model.Config.VocabularySize), new HashSet<int>());

    private int[] Prompt(int length)
    {
        Random random = new(length);
        return [.. Enumerable.Range(0, length).Select(_ => random.Next(5, Math.Min(2000, _model.Config.VocabularySize)))];
    }
}
