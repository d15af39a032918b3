using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Engine.Tests.Models;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.KvCache;

/// <summary>FastGen: strategies, rows and memory are those of <see cref="FastGenReference"/> after the prompt and after every step.</summary>
public sealed class FastGenTests : IDisposable
{
    private const int Prompt = 120, Steps = 60, Capacity = 190;

    private readonly ComputeBackend[] _backends = [.. Machine.All.Select(set => ComputeBackend.CreateCpu(2, set))];

    /// <summary>Of the heads one looks at special tokens, one at punctuation too, one at a few tokens, one around itself, one half the way back to the start.</summary>
    [Theory]
    [InlineData(0.9, 1, 120, ElementType.F32, new[] { 0, 1, 2, 3, 3 })]
    [InlineData(0.75, 2, 50, ElementType.F32, new[] { 0, 1, 2, 3, 3 })]
    [InlineData(0.99, 1, 7, ElementType.BF16, new[] { 2, 1, 3, 3, 4 })]
    public void Rows_that_stay_are_those_of_the_published_rule(double recovery, int group, int chunk, ElementType type, int[] strategies)
    {
        const int Heads = 5;
        TokenKind[] kinds = [.. Enumerable.Range(0, Capacity).Select(i => i % 41 == 9 ? TokenKind.Special : i % 7 == 3 ? TokenKind.Punctuation : TokenKind.Plain)];
        HeadRows rows = Looking(kinds, Heads, group), stored = type == ElementType.F32 ? rows : rows.RoundedTo(type);
        FastGenReference[] expected = [.. Enumerable.Range(0, Heads).Select(head => new FastGenReference(stored, head, kinds, Prompt, Capacity, recovery))];
        Assert.Equal(strategies, expected.Select(head => head.Strategy));
        List<int[][]> held = [];
        for (int step = 0; step < Steps; step++)
            held.Add([.. expected.Select(head => head.Decode(Prompt + step) ? head.Slots.Order().ToArray() : [.. head.Slots.Order(), Prompt + step])]);
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer layer = new(backend, rows, new FastGenPolicy(new RecoveryScorer(recovery)), Capacity, type) { Kinds = kinds };
            long dense = layer.Cache.Bytes;
            layer.Prefill(Prompt, chunk);
            Assert.True(layer.Cache.AllocatedBytes <= SequenceCache.EstimatePeakBytes(
                AttentionLayer.Config(Heads * group, Heads, 8), new FastGenPolicy(), Capacity, type));
            for (int step = 0; step < Steps; step++)
            {
                layer.Decode(1);
                for (int head = 0; head < Heads; head++)
                {
                    HeadCache cache = layer.Cache.Head(0, head);
                    Assert.Equal(expected[head].Strategy, (int)layer.Cache.StrategyOf(0, head).Strategy);
                    Assert.True(held[step][head].SequenceEqual(cache.Tokens!.Positions.ToArray().Order()), $"{backend.Description}: other rows of head {head} after step {step}");
                    Assert.True(cache.Rows >= cache.Tokens.Count && cache.Rows < Math.Max(Capacity + 64, cache.Tokens.Count + 65));
                }
            }

            Assert.Equal(Enumerable.Range(0, Heads).Sum(head => layer.Cache.Head(0, head).Rows) * layer.Cache.BytesPerRow, layer.Cache.Bytes);
            Assert.Equal(layer.Cache.Bytes, layer.Cache.AllocatedBytes); // the prompt's queries are gone
            Assert.True(layer.Cache.Bytes < 0.9 * dense, $"{layer.Cache.Bytes} of {dense} bytes");
            Assert.All(layer.Outputs[..((Prompt + Steps) * Heads * group * 8)], output => Assert.True(float.IsFinite(output)));
        }
    }

    /// <summary>A further turn is profiled again, and a copy goes on as the original does.</summary>
    [Fact]
    public void Turns_and_copies_go_on()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-gqa-llama3");
        TokenKind[] kinds = [.. Enumerable.Range(0, fixture.Model.Config.VocabularySize).Select(id => id % 5 == 0 ? TokenKind.Punctuation : TokenKind.Plain)];
        using Transformer transformer = new(fixture.Model, _backends[^1], 64) { Kinds = new(kinds) };
        int[] tokens = [.. Enumerable.Range(0, 260).Select(i => i * 31 % fixture.Model.Config.VocabularySize)];
        using SequenceCache sequence = transformer.CreateSequence(new FastGenPolicy(new RecoveryScorer(0.7)), 200, ElementType.F32);
        _ = ModelFixture.Run(transformer, sequence, tokens.AsSpan(0, 150), 64, AttentionMode.Prefill);
        _ = ModelFixture.Run(transformer, sequence, tokens.AsSpan(150, 20), 1, AttentionMode.Decode);
        Assert.Equal(tokens.Take(170).Count(token => kinds[token] == TokenKind.Punctuation), sequence.Kinds.CountOf(TokenKind.Punctuation));
        sequence.Extend(270);
        _ = ModelFixture.Run(transformer, sequence, tokens.AsSpan(170, 60), 64, AttentionMode.Prefill);
        using SequenceCache copy = sequence.Fork(270);
        float[] expected = ModelFixture.Run(transformer, sequence, tokens.AsSpan(230, 30), 1, AttentionMode.Decode);
        Assert.Equal(expected, ModelFixture.Run(transformer, copy, tokens.AsSpan(230, 30), 1, AttentionMode.Decode));
        Assert.Equal(230, sequence.StrategyOf(0, 0).PromptEnd);
    }

    /// <summary>Kinds of tokens are the tokenizer's: its special tokens, and those of spaces and punctuation alone.</summary>
    [Fact]
    public void Kinds_are_those_of_the_tokenizer()
    {
        Tokenizer tokenizer = Tokenizer.Load(RepositoryFiles.DemoModel);
        TokenKind[] kinds = TokenKinds.Of(tokenizer);
        foreach (string special in new[] { "<|bos|>", "<|user|>", "<|assistant|>", "<|eos|>" })
            Assert.Equal(TokenKind.Special, kinds[Assert.Single(tokenizer.Encode(special, false, true))]);
        foreach (int token in tokenizer.Encode("line blunt otter 40893", false, false))
            Assert.True(kinds[token] == TokenKind.Plain || string.IsNullOrWhiteSpace(tokenizer.Decode([token])));
        foreach (int token in tokenizer.Encode(": <>.\n-?", false, false))
            Assert.Equal(TokenKind.Punctuation, kinds[token]);
        Assert.Empty(TokenKinds.Of(null));
    }

    public void Dispose()
    {
        foreach (ComputeBackend backend in _backends)
            backend.Dispose();
    }

    // Queries and keys of eight components: constant ones, kinds, three "important" tokens, and a turn by position for what is near.
    private static HeadRows Looking(TokenKind[] kinds, int heads, int group)
    {
        HeadRows rows = HeadRows.Random(9, kinds.Length, heads * group, heads, 8);
        for (int position = 0; position < kinds.Length; position++)
        {
            for (int head = 0; head < heads; head++)
            {
                double angle = position * Math.PI / 150;
                Span<float> key = rows.Keys.AsSpan((position * heads + head) * 8, 8);
                key[0] = kinds[position] == TokenKind.Special ? 5 : 0;
                key[1] = kinds[position] == TokenKind.Punctuation ? 5 : 0;
                key[2] = position % 11 == 5 ? 5 : 0;
                (key[3], key[4]) = ((float)(5 * Math.Cos(angle)), (float)(5 * Math.Sin(angle)));
                for (int d = 5; d < 8; d++)
                    key[d] *= 0.2f;
                for (int member = 0; member < group; member++)
                {
                    Span<float> query = rows.Queries.AsSpan(((position * heads + head) * group + member) * 8, 8);
                    query[0] = head == 0 ? 6 : 0;
                    query[1] = head == 1 ? 6 : 0;
                    query[2] = head == 2 ? 3 : 0;
                    double seen = head == 3 ? angle : 0.55 * angle;
                    (query[3], query[4]) = head >= 3 ? ((float)(14 * Math.Cos(seen)), (float)(14 * Math.Sin(seen))) : (0, 0);
                }
            }
        }

        return rows;
    }
}
