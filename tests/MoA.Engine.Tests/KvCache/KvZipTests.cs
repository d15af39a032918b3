using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Engine.Tests.Models;

namespace MoA.Engine.Tests.KvCache;

/// <summary>KVzip: scores by hand-made matrices, what is shared out over layers and heads, and whole models that read their prompt twice.</summary>
public sealed class KvZipTests : IDisposable
{
    private readonly ComputeBackend[] _backends = [.. Machine.All.Select(set => ComputeBackend.CreateCpu(2, set))];

    /// <summary>A prompt of 70 tokens is repeated in parts of 40 and 30, each behind 5 and 9 tokens that say so.</summary>
    [Theory]
    [InlineData(1, 1, 100, ElementType.F32)]
    [InlineData(2, 3, 7, ElementType.BF16)]
    public void Scores_are_those_of_the_published_rule(int keyValueHeads, int group, int chunk, ElementType type)
    {
        HeadRows rows = HeadRows.Random(5, 154, keyValueHeads * group, keyValueHeads, 8);
        ScorerReference reference = new(rows, []);
        List<int> held = [.. Enumerable.Range(0, 70)];
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer layer = new(backend, rows, new KvZipPolicy(new ElasticRule(0, 0.5)), 80, type);
            layer.Prefill(70, chunk);
            layer.Repeat(new RepeatedPart(layer.Cache, 0, 40, 0), 70, 45, chunk);
            layer.Repeat(new RepeatedPart(layer.Cache, 40, 30, 4), 115, 39, chunk);
            for (int head = 0; head < keyValueHeads; head++)
            {
                double[] expected = [.. reference.Repeated(head, held, 0, 40, 0, 70, 45), .. reference.Repeated(head, held, 40, 30, 4, 115, 39)];
                float[] actual = layer.Cache.Head(0, head).Tokens!.Scores.ToArray();
                for (int i = 0; i < expected.Length; i++)
                    Assert.Equal(expected[i], actual[i], 1e-5);
                Assert.Equal(held, layer.Cache.Head(0, head).Tokens!.Positions.ToArray());
            }

            Assert.Equal(70, layer.Cache.Length);
        }
    }

    /// <summary>Four heads of 400 rows keep 350 on average: the best one all, the others, which are to have at least 320, the 1000 that are left.</summary>
    [Fact]
    public void Heads_keep_everything_or_first_and_recent_tokens()
    {
        RowRanking[] heads = [.. new[] { 0.3f, 0.9f, 0.5f, 0.1f }.Select(largest =>
        {
            HeldTokens tokens = new();
            tokens.Append(0, 400);
            tokens.Scores[200] = largest;
            return tokens.Rank(RepetitionScorer.Sink, 400, ScorePooling.None);
        })];
        int[] kept = [350, 350, 350, 350];
        new KvZipPolicy(new ElasticRule(0, 0.5), KvZipLevel.Head).Divide(heads, kept);
        Assert.Equal([333, 400, 333, 334], kept);
        int[] best = heads[0].Best(100);
        Assert.Equal([.. Enumerable.Range(0, 64), .. Enumerable.Range(364, 36)], best);
    }

    /// <summary>
    /// The rows of all layers and heads compete; those that stay are the best by the scores that the same readings give by hand, and bytes are those of the size.
    /// </summary>
    [Theory]
    [InlineData("llama-gqa-llama3", 64, null, 2048, 64)]
    [InlineData("llama-mha", 2000, null, 2048, 2000)]
    [InlineData("llama-mha", 100, 48, 2048, 100)]
    [InlineData("llama-mha", 2000, null, 480, 480 - 300 - 11)] // parts are repeated within the context
    [InlineData("llama-mha", 2000, null, 330, 128)]
    public void Models_read_their_prompt_twice(string name, int most, int? firstWindow, int context, int chunk)
    {
        const int Prompt = 300, Capacity = 320;
        using ModelFixture fixture = ModelFixture.Load(name);
        var config = fixture.Model.Config.WithLayers((layer, index) => layer with { Window = index == 0 ? firstWindow : null }) with { MaxPositions = context };
        RepetitionPrompt words = new([1, 2, 3], [4, 5], [6]);
        using Transformer transformer = new(new(config, fixture.Model.Weights, fixture.Model.Generation, name), _backends[^1], 96) { Repetition = new(words) };
        Random random = new(3);
        int[] tokens = [.. Enumerable.Range(0, Prompt + 1).Select(_ => random.Next(config.VocabularySize))];
        KvZipPolicy policy = new(new ElasticRule(0, 0.6), KvZipLevel.Pair, most);
        using SequenceCache sequence = transformer.CreateSequence(policy, Capacity, ElementType.F32);
        long before = sequence.Bytes;
        _ = ModelFixture.Run(transformer, sequence, tokens.AsSpan(0, Prompt), 96, AttentionMode.Prefill);
        long held = sequence.AllocatedBytes;

        // By hand: each part behind a copy, without the policy.
        List<(float Score, int Layer, int Head, int Position)> scores = [];
        using (SequenceCache copy = sequence.Fork(Capacity))
        {
            for (int from = 0; from < Prompt; from += chunk)
            {
                int count = Math.Min(chunk, Prompt - from);
                int[] said = from == 0 ? [1, 2, 3, 6] : [4, 5, .. tokens[Math.Max(0, from - 8)..from], 6];
                using SequenceCache reading = copy.CopyToRead(said.Length + count, new RepeatedPart(copy, from, count, Math.Min(4, from)));
                _ = ModelFixture.Run(transformer, reading, [.. said, .. tokens[from..(from + count)]], 33, AttentionMode.Prefill);
            }

            foreach (int layer in copy.EvictingLayers)
            {
                for (int head = 0; head < config.KeyValueHeads; head++)
                {
                    float[] own = copy.Head(layer, head).Tokens!.Scores.ToArray();
                    scores.AddRange(own.Select((score, position) => (position < 4 ? float.PositiveInfinity : score, layer, head, position)));
                }
            }
        }

        Assert.Equal(held, sequence.AllocatedBytes); // what was read again is gone
        _ = ModelFixture.Run(transformer, sequence, tokens.AsSpan(Prompt, 1), 1, AttentionMode.Decode);
        const int Kept = 192 - (Capacity - Prompt);
        var expected = scores.OrderByDescending(entry => entry.Score).Take(Kept * scores.Count / Prompt).ToLookup(entry => (entry.Layer, entry.Head), entry => entry.Position);
        List<int> rows = [];
        foreach (int layer in sequence.EvictingLayers)
        {
            for (int head = 0; head < config.KeyValueHeads; head++)
            {
                Assert.Equal([.. expected[(layer, head)].Order(), Prompt], sequence.Head(layer, head).Tokens!.Positions.ToArray());
                rows.Add(sequence.Head(layer, head).Rows);
            }
        }

        Assert.Equal(192 * rows.Count, rows.Sum());
        Assert.True(rows.Max() > rows.Min());
        Assert.Equal(before - (320 - 192) * rows.Count * sequence.BytesPerRow, sequence.Bytes);
    }

    public void Dispose()
    {
        foreach (ComputeBackend backend in _backends)
            backend.Dispose();
    }
}
