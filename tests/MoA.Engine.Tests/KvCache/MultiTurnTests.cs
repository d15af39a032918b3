using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Tests;

namespace MoA.Engine.Tests.KvCache;

/// <summary>
/// Conversations: every turn may enlarge the rings to their rules' sizes at the new length. A token that a smaller ring
/// evicted stays lost; everything else that the new masks show is there.
/// </summary>
public sealed class MultiTurnTests : IDisposable
{
    private readonly ComputeBackend[] _backends = [.. Machine.All.Select(set => ComputeBackend.CreateCpu(2, set))];

    [Fact]
    public void Turns_see_their_masks_minus_what_earlier_turns_evicted()
    {
        // Small rules and growing reserves: in every fifth conversation a prompt's mask shows what an earlier ring lost.
        Gen<Turn> TurnOf(int longestReserve) =>
            from prompt in Gen.OneOf(Gen.Constant(0), Gen.Choose(1, 200), Gen.Choose(100, 200))
            from chunk in Gen.Elements(1, 7, 64, 100, 512)
            from steps in Gen.Choose(0, 30)
            from reserve in Gen.Elements(0, 20, longestReserve)
            select new Turn(prompt, chunk, steps, reserve);
        Gen<ElasticRule> rule =
            from alpha in Gen.Elements<double>(-100, 0, 0, 64, 128)
            from beta in Gen.Elements(0, 0.25, 0.5, 0.5, 0.8, 1)
            select new ElasticRule(alpha, beta);
        Gen<Conversation> conversations =
            from keyValueHeads in Gen.Choose(1, 2)
            from @group in Gen.Elements(1, 1, 2, 3, 4)
            from rules in rule.ArrayOf(keyValueHeads * @group)
            from block in Gen.Elements(64, 64, 32, 16)
            from first in TurnOf(30)
            from second in TurnOf(600)
            from third in TurnOf(1200)
            from headSize in Gen.Elements(8, 20)
            from type in Gen.Elements(ElementType.F32, ElementType.BF16)
            from window in Gen.OneOf(Gen.Constant<int?>(null), Gen.Choose(1, 400).Select(tokens => (int?)tokens))
            from seed in Gen.Choose(0, int.MaxValue)
            select new Conversation(keyValueHeads, [.. rules.Select(rule => rule with { Block = block })], [first, second, third], headSize, type, window, seed);
        Prop.ForAll(conversations.ToArbitrary(), Check).Holds(25);
    }

    /// <summary>
    /// 170 tokens at a capacity of 200 leave 64 ring rows, the positions from 106 on: half of the rule then shows the whole
    /// of block 1 at a capacity of 1000, of which only a part is held.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void A_block_that_is_partly_lost_is_partly_seen(int group) => Check(new Conversation(
        1, [.. Enumerable.Repeat(new ElasticRule(0, 0.5), group)],
        [new Turn(160, 100, 10, 30), new Turn(150, 64, 20, 660), new Turn(33, 10, 3, 2000)], 8, ElementType.F32, null, 9));

    [Fact]
    public void Extending_keeps_every_row_that_is_held()
    {
        ElasticRule half = new(0, 0.5);
        PlanPolicy policy = new(AttentionPlan.Uniform(1, 2, HeadKind.Query, half));
        foreach (int length in new[] { 0, 1, 63, 64, 65, 128, 129, 250, 300, 399, 400 })
        {
            using AttentionLayer layer = new(_backends[0], PositionRows.Create(1000, 2), policy, 400);
            layer.Prefill(length, 100);
            int ring = half.RingRows(400);
            Assert.Equal(256 - 64, ring);
            HashSet<int> held = [.. Enumerable.Range(0, length).Where(p => p < 64 || p >= length - ring)];
            layer.Cache.Extend(1000);
            Assert.Equal(1000, layer.Cache.Capacity);
            for (int head = 0; head < 2; head++)
            {
                HeadCache cache = layer.Cache.Head(0, head);
                Assert.Equal(512, cache.Rows);
                int[] slots = ReadHeld(cache, held);
                Assert.All(held, position => Assert.Equal(position, slots[cache.Slot(position)]));
            }
        }
    }

    [Fact]
    public void Extending_to_less_changes_nothing_and_shrinking_rules_keep_their_rows()
    {
        NativeAllocator allocator = new();
        ModelConfig config = AttentionLayer.Config(2, 1, 8);
        using SequenceCache cache = new(config, AttentionLayer.Rings([2, 5]), 500, ElementType.BF16, allocator);
        LayerSpans[] spans = cache.Spans;
        cache.Extend(500);
        cache.Extend(20);
        Assert.Same(spans, cache.Spans);
        Assert.Equal(500, cache.Capacity);
        Assert.Equal(64 * 6 * 2 * 8 * 2, allocator.AllocatedBytes);
    }

    [Fact]
    public void Extending_frees_what_it_replaces()
    {
        NativeAllocator allocator = new();
        ModelConfig config = AttentionLayer.Config(2, 2, 8, layers: 3);
        using (SequenceCache cache = new(config, new DensePolicy(), 100, ElementType.F32, allocator))
        {
            cache.Extend(1000);
            Assert.Equal(cache.Bytes, allocator.AllocatedBytes);
            Assert.Equal(SequenceCache.EstimateBytes(config, new DensePolicy(), 1000, ElementType.F32), cache.Bytes);
            Assert.Equal(3L * 2 * 1024 * 2 * 8 * 4, cache.Bytes);
        }

        Assert.Equal(0, allocator.AllocatedBytes);
    }

    public void Dispose()
    {
        foreach (ComputeBackend backend in _backends)
            backend.Dispose();
    }

    // Rows that were never written hold nothing in particular, so only held ones are looked at.
    private static unsafe int[] ReadHeld(HeadCache cache, HashSet<int> held)
    {
        HashSet<int> slots = [.. held.Select(cache.Slot)];
        for (int slot = 0; slot < cache.Rows; slot++)
        {
            if (slots.Contains(slot))
                continue;
            new Span<float>(cache.Keys + slot * cache.BytesPerRow, cache.BytesPerRow / 4).Fill(-1);
            new Span<float>(cache.Values + slot * cache.BytesPerRow, cache.BytesPerRow / 4).Fill(-1);
        }

        return PositionRows.Read(cache);
    }

    private void Check(Conversation talk)
    {
        int positions = talk.Turns.Sum(turn => turn.Prompt + turn.Steps);
        if (positions == 0)
            return;
        HeadRows rows = HeadRows.Random(talk.Seed, positions, talk.Rules.Length, talk.KeyValueHeads, talk.HeadSize);
        PlanPolicy policy = new(new AttentionPlan([talk.Rules], HeadKind.Query));
        double[] errors = new double[rows.Queries.Length];
        float[] expected = ReferenceAttention.Run(rows, new TurnMask(talk).Sees, 0, errors);
        foreach (ComputeBackend backend in _backends)
        {
            int capacity = Math.Max(1, talk.Turns[0].Length);
            using AttentionLayer layer = new(backend, rows, policy, capacity, talk.Type, talk.Window);
            foreach (Turn turn in talk.Turns)
            {
                layer.Cache.Extend(layer.Cache.Length + turn.Length);
                layer.Prefill(turn.Prompt, turn.Chunk);
                layer.Decode(turn.Steps);
            }

            Difference.AssertWithin(errors, layer.Outputs, expected, backend.Description);
        }
    }

    private sealed record Turn(int Prompt, int Chunk, int Steps, int Reserve)
    {
        /// <summary>Tokens that room is made for: an answer may end early.</summary>
        public int Length => Prompt + Steps + Reserve;
    }

    private sealed record Conversation(
        int KeyValueHeads, ElasticRule[] Rules, Turn[] Turns, int HeadSize, ElementType Type, int? Window, int Seed)
    {
        public override string ToString() =>
            $"{KeyValueHeads} KV heads, size {HeadSize}, {string.Join(' ', Rules)}, {string.Join(' ', (object[])Turns)}, " +
            $"window {Window}, {Type}, seed {Seed}";
    }

    /// <summary>What is visible in a conversation, from the text of docs/method.md, section 4, alone.</summary>
    private sealed class TurnMask
    {
        private readonly Conversation _talk;
        private readonly int _group;
        private readonly List<(int Start, int DecodeStart, int[] Ring, int[] LostBefore)> _turns = [];

        public TurnMask(Conversation talk)
        {
            _talk = talk;
            _group = talk.Rules.Length / talk.KeyValueHeads;
            int length = 0, capacity = 0;
            int[] stored = new int[talk.KeyValueHeads], lost = new int[talk.KeyValueHeads];
            foreach (Turn turn in talk.Turns)
            {
                capacity = Math.Max(capacity, Math.Max(1, length + turn.Length));
                int[] ring = [.. talk.Rules.Select(rule => Rows(rule, capacity) - rule.Block)];
                int[] grown = [.. ring.Chunk(_group).Select(heads => heads.Max())];
                for (int head = 0; head < stored.Length; head++)
                {
                    // A head that holds all of its window has lost nothing that is still seen.
                    if (grown[head] > stored[head] && stored[head] > 0 && !(talk.Window <= stored[head] + Block))
                        lost[head] = Math.Max(lost[head], length - stored[head]);
                    stored[head] = Math.Max(stored[head], grown[head]);
                }

                _turns.Add((length, length + turn.Prompt, ring, [.. lost]));
                length += turn.Prompt + turn.Steps;
            }
        }

        private int Block => _talk.Rules[0].Block;

        public bool Sees(int head, int query, int key)
        {
            (int _, int decodeStart, int[] ring, int[] lostBefore) = _turns.Last(turn => turn.Start <= query);
            int window = _talk.Window ?? int.MaxValue;
            bool shown = query < decodeStart
                ? ReferenceAttention.SeesInPrefill(query, key, ring[head], window, Block)
                : ReferenceAttention.SeesInDecode(query, key, ring[head], window, Block);
            return shown && (key < Block || key >= lostBefore[head / _group]);
        }

        private static int Rows(ElasticRule rule, int length)
        {
            int c = (int)Math.Truncate(rule.Alpha + rule.Beta * length);
            c = Math.Max(Math.Min(c, length), 2 * rule.Block);
            return rule.Block * ((c + rule.Block - 1) / rule.Block);
        }
    }
}
