using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Kernels;

/// <summary>Attention of any shape against its definition (docs/method.md, section 4), at every vector width.</summary>
public sealed class AttentionPropertyTests : IDisposable
{
    private const int MostDrafted = 8;

    private static readonly int[] HeadSizes = [2, 6, 8, 16, 24, 32, 40, 64, 80, 96];

    private readonly ComputeBackend[] _backends = [.. Machine.All.Select(set => ComputeBackend.CreateCpu(2, set))];

    private static Gen<AttentionCase> Cases { get; } =
        from keyValueHeads in Gen.Choose(1, 3)
        from @group in Gen.Choose(1, 8)
        from type in Gen.Elements(ElementType.F32, ElementType.BF16, ElementType.Q8_0)
        from headSize in Gen.Elements(HeadSizes.Where(size => size % type.ElementsPerBlock() == 0))
        from perKeyValueHead in Gen.Elements(false, true)
        from block in Gen.Elements(64, 64, 32, 16)
        from ringBlocks in Gen.Choose(1, 300 / block + 1).ArrayOf(perKeyValueHead ? keyValueHeads : keyValueHeads * @group)
        from prompt in Gen.Choose(1, 300)
        from chunk in Gen.Elements(1, 7, 8, 16, 24, 63, 64, 65, 100, 300)
        from steps in Gen.Choose(0, 40)
        from window in Gen.OneOf(Gen.Elements<int?>(null, null, 1, 2, 64, 65, 1000), Gen.Choose(1, 330).Select(tokens => (int?)tokens))
        from seed in Gen.Choose(0, int.MaxValue)
        select new AttentionCase(
            keyValueHeads, @group, headSize, perKeyValueHead, ringBlocks, prompt, chunk, steps, window, type, seed)
        { Block = block };

    [Fact]
    public void Outputs_follow_the_definition_for_any_shape_rings_chunks_and_window() =>
        Prop.ForAll(Cases.ToArbitrary(), Check).Holds(40);

    [Fact]
    public void Outputs_follow_the_definition_for_any_scale_cap_and_sinks()
    {
        Gen<AttentionCase> cases =
            from shape in Cases
            from scale in Gen.Elements(0, 0.015625f, 0.1f, 0.5f)
            from cap in Gen.Elements(0, 0.5f, 5f, 30f, 50f)
            from sink in Gen.Elements<float?>(null, 0, 3, 30)
            select shape with { Traits = Traits(shape.KeyValueHeads * shape.Group, scale, cap, sink, shape.Seed) };
        Prop.ForAll(cases.ToArbitrary(), Check).Holds(25);
    }

    /// <summary>Heads that are read in several pieces, of which one counts the sink, under rules that differ within the group.</summary>
    [Theory]
    [InlineData(ElementType.F32, 4, 50)]
    [InlineData(ElementType.BF16, 8, 0)]
    [InlineData(ElementType.BF16, 2, 30)]
    [InlineData(ElementType.Q8_0, 4, 30)]
    public void Long_heads_count_a_sink_once(ElementType type, int group, float cap) => Check(
        new AttentionCase(1, group, 32, true, [24], 1500, 1500, 12, null, type, 6) { Traits = Traits(group, 0, cap, 4, 6) });

    /// <summary>Groups of every size, heads of sizes that no vector divides, the smallest ring, an odd length.</summary>
    [Theory]
    [InlineData(1, 24, ElementType.F32)]
    [InlineData(2, 80, ElementType.BF16)]
    [InlineData(3, 8, ElementType.F32)]
    [InlineData(4, 96, ElementType.Q8_0)]
    [InlineData(5, 2, ElementType.F32)]
    [InlineData(6, 24, ElementType.BF16)]
    [InlineData(7, 64, ElementType.Q8_0)]
    [InlineData(8, 20, ElementType.F32)]
    [InlineData(9, 32, ElementType.Q8_0)]
    [InlineData(17, 32, ElementType.BF16)]
    public void A_ring_of_one_block_wraps_around_many_times(int group, int headSize, ElementType type) => Check(
        new AttentionCase(1, group, headSize, true, [1], 129, 50, 140, null, type, 3));

    /// <summary>Small blocks within one tile of keys, rings that begin inside it, and keys of the first 64 that are gone.</summary>
    [Theory]
    [InlineData(16, 1, 8, null)]
    [InlineData(16, 2, 100, null)]
    [InlineData(32, 1, 7, 40)]
    [InlineData(16, 5, 64, 90)]
    public void Blocks_smaller_than_a_tile_follow_the_definition(int block, int blocks, int chunk, int? window) => Check(
        new AttentionCase(2, 3, 32, false, [blocks, 1, blocks + 3, blocks, 2, 1], 333, chunk, 70, window, ElementType.BF16, 12) { Block = block });

    /// <summary>Heads that are read in several pieces, one of them long, under rules that differ within the group.</summary>
    [Theory]
    [InlineData(ElementType.F32, null)]
    [InlineData(ElementType.BF16, 900)]
    [InlineData(ElementType.Q8_0, null)]
    public void Long_heads_follow_the_definition(ElementType type, int? window) => Check(new AttentionCase(
        1, 4, 32, false, [21, 2, 18, 9], 1500, 1500, 12, window, type, 4));

    /// <summary>Heads that keep everything, while steps change into how many pieces they are read, and of what size.</summary>
    [Theory]
    [InlineData(ElementType.F32, 1015, null)]
    [InlineData(ElementType.BF16, 1270, null)]
    [InlineData(ElementType.Q8_0, 505, null)]
    [InlineData(ElementType.BF16, 1015, 700)]
    public void Long_heads_that_keep_everything_follow_the_definition(ElementType type, int prompt, int? window) => Check(new AttentionCase(
        2, 2, 32, false, [24, 22, 23, 24], prompt, 512, 40, window, type, 5));

    /// <summary>A window within a plan's rule: less than it, as much, and more, with a sink that the window comes to hide.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(129)]
    [InlineData(200)]
    public void A_window_and_a_rule_hide_what_either_hides(int window) => Check(
        new AttentionCase(2, 3, 16, false, [1, 2, 4, 1, 1, 1], 90, 17, 210, window, ElementType.F32, 8));

    /// <summary>
    /// What stands beside a query in a panel changes with the chunk's size, rows of the same head, of others that see less, and of
    /// the block behind, and so does the panel's width: every bit must agree.
    /// </summary>
    [Theory]
    [InlineData(1, 32)]
    [InlineData(5, 32)]
    [InlineData(8, 32)]
    [InlineData(20, 32)]
    [InlineData(63, 32)]
    [InlineData(64, 32)]
    [InlineData(65, 32)]
    [InlineData(100, 32)]
    [InlineData(1, 2)]
    [InlineData(4, 6)]
    [InlineData(5, 24)]
    [InlineData(5, 64)]
    [InlineData(4, 80)]
    public void Chunks_of_any_size_give_what_the_whole_prompt_gives(int chunk, int headSize)
    {
        HeadRows random = HeadRows.Random(5, 333, 6, 2, headSize);
        PlanPolicy policy = AttentionLayer.Rings([1, 2, 3, 2, 4, 1]);
        AttentionTraits traits = Traits(6, 0, 5, 3, 5);
        foreach (ComputeBackend backend in _backends)
        {
            foreach ((ElementType type, int? window) in new (ElementType, int?)[]
            {
                (ElementType.F32, 70), (ElementType.BF16, null), (ElementType.Q8_0, 70),
            })
            {
                if (headSize % type.ElementsPerBlock() != 0)
                    continue;
                HeadRows rows = random.RoundedTo(type);
                using AttentionLayer whole = new(backend, rows, policy, 333, type, window, traits);
                using AttentionLayer chunked = new(backend, rows, policy, 333, type, window, traits);
                whole.Prefill(333, 333);
                chunked.Prefill(333, chunk);
                Assert.Equal(whole.Outputs, chunked.Outputs);
            }
        }
    }

    /// <summary>As many rows as have a vector's worth of queries in a group of four.</summary>
    [Fact]
    public void Rows_whose_queries_fill_a_vector_are_a_piece() =>
        Assert.Equal([1, 1, 2, 4], _backends.Select(backend => backend.PieceTokens(4)));

    /// <summary>Two sequences side by side, long enough that a head is cut into pieces; every bit must agree.</summary>
    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.Q8_0)]
    public void Outputs_do_not_depend_on_the_number_of_threads(ElementType type)
    {
        HeadRows rows = HeadRows.Random(6, 700, 8, 2, 32);
        foreach (InstructionSet set in Machine.All)
        {
            float[] expected = Run(set, 1);
            Assert.All([2, 3, 4], threads => Assert.Equal(expected, Run(set, threads)));
        }

        float[] Run(InstructionSet set, int threads)
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(threads, set);
            using AttentionLayer layer = new(backend, rows, AttentionLayer.Rings([1, 2, 9, 2, 9, 9, 3, 7]), 704, type);
            layer.Prefill(692, 400);
            layer.Decode(8);
            return layer.Outputs;
        }
    }

    /// <summary>Scores of hundreds in either direction: the running maximum must keep every exponent in range.</summary>
    [Fact]
    public void Large_scores_stay_exact()
    {
        HeadRows rows = HeadRows.Random(7, 200, 2, 1, 16);
        rows = rows with { Queries = [.. rows.Queries.Select(q => 60 * q)] };
        float[] expected = ReferenceAttention.Run(rows, (_, query, key) => Sees(query, key, 180, 2));
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer layer = new(backend, rows, AttentionLayer.Rings([2, 2]), 200);
            layer.Prefill(180, 60);
            layer.Decode(20);
            Assert.InRange(Difference.Largest(layer.Outputs, expected), 0, 1e-3);
        }

        static bool Sees(int query, int key, int prompt, int blocks) => query < prompt
            ? ReferenceAttention.SeesInPrefill(query, key, 64 * blocks)
            : ReferenceAttention.SeesInDecode(query, key, 64 * blocks);
    }

    public void Dispose()
    {
        foreach (ComputeBackend backend in _backends)
            backend.Dispose();
    }

    // Sinks of either sign, as far from 0 as `sink` says.
    private static AttentionTraits Traits(int queryHeads, float scale, float cap, float? sink, int seed)
    {
        Random random = new(seed);
        return new AttentionTraits
        {
            Scale = scale,
            SoftCap = cap,
            Sinks = sink is float largest ? [.. Enumerable.Range(0, queryHeads).Select(_ => largest * (2 * random.NextSingle() - 1))] : null,
        };
    }

    private void Check(AttentionCase test)
    {
        int queryHeads = test.KeyValueHeads * test.Group;
        HeadRows rows = HeadRows
            .Random(test.Seed, test.Prompt + test.Steps, queryHeads, test.KeyValueHeads, test.HeadSize)
            .RoundedTo(test.Type);
        double[] errors = new double[rows.Queries.Length];
        float[] expected = ReferenceAttention.Run(
            rows, Sees, 0, errors, test.Type == ElementType.Q8_0 ? test.Prompt : int.MaxValue, test.Traits);
        PlanPolicy policy = AttentionLayer.Rings(
            test.RingBlocks, test.PerKeyValueHead ? HeadKind.KeyValue : HeadKind.Query, test.Block);
        int capacity = Math.Max(rows.Positions, test.Block * (test.RingBlocks.Max() + 1));
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer layer = new(backend, rows, policy, capacity, test.Type, test.Window, test.Traits);
            layer.Prefill(test.Prompt, test.Chunk);
            layer.Decode(test.Steps);
            Difference.AssertWithin(errors, layer.Outputs, expected, backend.Description);
            using AttentionLayer drafted = new(backend, rows, policy, capacity + MostDrafted, test.Type, test.Window, test.Traits);
            drafted.Prefill(test.Prompt, test.Chunk);
            Random random = new(test.Seed);
            for (int left = test.Steps; left > 0; left = rows.Positions - drafted.Cache.Length)
                drafted.Draft(random.Next(Math.Min(left, MostDrafted)), random.Next(3) * random.Next(MostDrafted) / 2);
            Assert.Equal(layer.Outputs, drafted.Outputs); // bit for bit: every draft is a step of its own
        }

        bool Sees(int head, int query, int key)
        {
            int ring = test.Block * test.RingBlocks[test.PerKeyValueHead ? head / test.Group : head];
            int window = test.Window ?? int.MaxValue;
            return query < test.Prompt
                ? ReferenceAttention.SeesInPrefill(query, key, ring, window, test.Block)
                : ReferenceAttention.SeesInDecode(query, key, ring, window, test.Block);
        }
    }

    private sealed record AttentionCase(
        int KeyValueHeads, int Group, int HeadSize, bool PerKeyValueHead, int[] RingBlocks, int Prompt, int Chunk, int Steps,
        int? Window, ElementType Type, int Seed)
    {
        public AttentionTraits Traits { get; init; }

        public int Block { get; init; } = 64;

        public override string ToString() =>
            $"{KeyValueHeads} KV heads x {Group}, size {HeadSize}, rings {string.Join(' ', RingBlocks)} blocks of {Block}" +
            $"{(PerKeyValueHead ? " per KV head" : "")}, prompt {Prompt} in {Chunk}s, {Steps} steps, window {Window}, " +
            $"{Type}, seed {Seed}, scale {Traits.Scale}, cap {Traits.SoftCap}, sinks {string.Join(' ', Traits.Sinks ?? [])}";
    }
}
