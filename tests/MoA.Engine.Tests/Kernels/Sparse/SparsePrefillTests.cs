using FsCheck;
using FsCheck.Fluent;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Prefill;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Sparse;
using MoA.Engine.Numerics;
using MoA.Tests;

namespace MoA.Engine.Tests.Kernels.Sparse;

/// <summary>What prompts attend to under prefill policies: the keys against the official codes, the outputs against the definition, at every vector width.</summary>
public sealed class SparsePrefillTests : IDisposable
{
    // Closer decisions than this are left to rounding.
    private const double Certain = 1e-4;

    private readonly ComputeBackend[] _backends = [.. Machine.All.Select(set => ComputeBackend.CreateCpu(2, set))];

    private static Gen<HeadPattern> Patterns { get; } = Gen.OneOf<HeadPattern>(
        from initial in Gen.Choose(0, 140)
        from local in Gen.Choose(1, 300)
        from last in Gen.Elements(0, 0, 1, 70, 100)
        select (HeadPattern)new StreamPattern(initial, local, last),
        from vertical in Gen.Choose(0, 200)
        from slash in Gen.Choose(0, 250)
        select (HeadPattern)new VerticalSlashPattern(vertical, slash),
        from blocks in Gen.Choose(1, 6)
        select (HeadPattern)new PooledBlocksPattern(blocks),
        from gamma in Gen.Elements(0.3, 0.6, 0.9, 0.99)
        from tau in Gen.Elements(0, 0.1, 0.3, 1)
        from least in Gen.Elements(1, 129)
        from most in Gen.Elements(128, 300, 1_000_000)
        from block in Gen.Elements(64, 128)
        select (HeadPattern)new CoveragePattern(gamma, tau, least, most, block),
        from threshold in Gen.Elements(0, 0.5, 0.8, 0.9, 1)
        from stride in Gen.Elements(4, 8, 16)
        from block in Gen.Elements(64, 128)
        select (HeadPattern)new AntidiagonalPattern(threshold, stride, block));

    private static Gen<PrefillCase> Cases { get; } =
        from keyValueHeads in Gen.Choose(1, 2)
        from @group in Gen.Choose(1, 3)
        from type in Gen.Elements(ElementType.F32, ElementType.BF16, ElementType.Q8_0)
        from headSize in Gen.Elements(type == ElementType.Q8_0 ? [32, 64] : new[] { 6, 16, 32, 40 })
        from patterns in Patterns.ArrayOf(keyValueHeads * @group)
        from piece in Gen.Elements(64, 192, 512)
        from before in Gen.Elements(0, 0, 1, 40, 64, 200)
        from prompt in Gen.OneOf(Gen.Choose(1, 330), Gen.Choose(1, 330), Gen.Choose(330, 620))
        from peak in Gen.Elements(1f, 4f, 12f)
        from seed in Gen.Choose(0, int.MaxValue)
        select new PrefillCase(keyValueHeads, @group, headSize, type, patterns, piece, before, prompt, peak, seed);

    [Fact]
    public void Keys_and_outputs_are_those_of_the_official_codes() => Prop.ForAll(Cases.ToArbitrary(), Check).Holds(10);

    /// <summary>Pieces are cut by position: however many rows come in a pass, every bit is the same.</summary>
    [Theory]
    [InlineData(256)]
    [InlineData(512)]
    [InlineData(768)]
    [InlineData(1024)]
    public void Outputs_do_not_depend_on_how_a_prompt_is_cut(int chunk)
    {
        HeadRows rows = HeadRows.Random(3, 900, 6, 2, 32).RoundedTo(ElementType.BF16);
        AttentionPolicy policy = AttentionPolicy.Dense.With(new PrefillPolicy(
            "mixed",
            [
                [
                    new VerticalSlashPattern(40, 110), new StreamPattern(16, 100, 70), new PooledBlocksPattern(2),
                    new CoveragePattern(0.5, 0.2, 1, 1000, 128), new AntidiagonalPattern(0.7, 8, 128), new VerticalSlashPattern(200, 50),
                ],
            ],
            256));
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer whole = new(backend, rows, policy, 900, ElementType.BF16);
            using AttentionLayer cut = new(backend, rows, policy, 900, ElementType.BF16);
            whole.Prefill(900, 900);
            cut.Prefill(900, chunk);
            Assert.Equal(whole.Outputs, cut.Outputs);
        }
    }

    /// <summary>Where everything is chosen, nothing is lost; and it does not matter that heads are computed one by one.</summary>
    [Fact]
    public void All_keys_give_what_dense_attention_gives()
    {
        HeadRows rows = HeadRows.Random(4, 600, 6, 2, 32).RoundedTo(ElementType.BF16);
        HeadPattern[] all = [new StreamPattern(0, 600), new VerticalSlashPattern(600, 600), new PooledBlocksPattern(10), new StreamPattern(0, 1, 600),
            new AntidiagonalPattern(1.01, 8, 128), new CoveragePattern(1, 0, 600, 600, 128)];
        foreach (ComputeBackend backend in _backends)
        {
            using AttentionLayer dense = new(backend, rows, AttentionPolicy.Dense, 600, ElementType.BF16);
            using AttentionLayer sparse = new(backend, rows, AttentionPolicy.Dense.With(new PrefillPolicy("all", [all], 512)), 600, ElementType.BF16);
            dense.Prefill(600, 512);
            sparse.Prefill(600, 512);
            Assert.InRange(Difference.Largest(sparse.Outputs, dense.Outputs), 0, 2e-6);
            Assert.Equal(sparse.Cache.PairsInAll, sparse.Cache.PairsSeen);
            Assert.Equal(6 * 600L * 601 / 2, sparse.Cache.PairsInAll);
        }
    }

    /// <summary>What a plan's spans hide stays hidden, whatever is chosen, and a block of queries always sees itself.</summary>
    [Theory]
    [InlineData(64)]
    [InlineData(32)]
    [InlineData(16)]
    public void Spans_and_choices_are_intersected(int block)
    {
        int[] rings = [1, 3, 2, 9, 1, 2];
        HeadRows rows = HeadRows.Random(5, 440, 6, 2, 32).RoundedTo(ElementType.BF16);
        PrefillPolicy prefill = new(
            "mixed",
            [
                [
                    new VerticalSlashPattern(40, 110), new StreamPattern(100, 80), new PooledBlocksPattern(2), new CoveragePattern(0.5, 0.2, 1, 1000, 128),
                    new AntidiagonalPattern(0.7, 8, 128), new VerticalSlashPattern(200, 50),
                ],
            ],
            128);
        foreach (ComputeBackend backend in _backends)
        {
            bool[,,] seen = new bool[6, 440, 440];
            using AttentionLayer layer = new(backend, rows, AttentionLayer.Rings(rings, block: block).With(prefill), 440, ElementType.BF16)
            {
                Attended = (work, _) => Mark(work, 6, seen),
            };
            layer.Prefill(440, 128);
            double[] errors = new double[rows.Queries.Length];
            float[] expected = ReferenceAttention.Run(rows, (head, query, key) => seen[head, query, key], 0, errors);
            Difference.AssertWithin(errors, layer.Outputs, expected, backend.Description);
            for (int head = 0; head < 6; head++)
            {
                for (int row = 0; row < 440; row++)
                {
                    for (int key = 0; key <= row; key++)
                        Assert.False(seen[head, row, key] && !ReferenceAttention.SeesInPrefill(row, key, block * rings[head], block: block));
                    Assert.True(seen[head, row, row]);
                }
            }

            Assert.Equal(seen.Cast<bool>().LongCount(pair => pair), layer.Cache.PairsSeen);
            Assert.True(layer.Cache.PairsSeen < layer.Cache.PairsInAll);
        }
    }

    /// <summary>Layers that have windows of their own attend within these as ever.</summary>
    [Fact]
    public void Windows_stay_as_they_are()
    {
        HeadRows rows = HeadRows.Random(6, 300, 2, 2, 32);
        using AttentionLayer plain = new(_backends[0], rows, AttentionPolicy.Dense, 300, window: 100);
        using AttentionLayer sparse = new(
            _backends[0], rows, AttentionPolicy.Dense.With(new PrefillPolicy("a", new StreamPattern(1, 1))), 300, window: 100);
        plain.Prefill(300, 128);
        sparse.Prefill(300, 128);
        Assert.Equal(plain.Outputs, sparse.Outputs);
        Assert.Equal(0, sparse.Cache.PairsInAll);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(500)]
    public void Largest_values_are_found_whatever_is_equal(int count)
    {
        Random random = new(count);
        for (int run = 0; run < 200; run++)
        {
            float[] values = [.. Enumerable.Range(0, count).Select(_ => run % 3 == 0 ? random.NextSingle() : random.Next(5) == 0 ? float.PositiveInfinity : random.Next(6))];
            int[] places = new int[random.Next(count + 1)];
            LargestValues.Find(values, places);
            Assert.Equal(Enumerable.Range(0, count).OrderByDescending(i => values[i]).ThenBy(i => i).Take(places.Length).Order(), places);
        }
    }

    public void Dispose()
    {
        foreach (ComputeBackend backend in _backends)
            backend.Dispose();
    }

    private void Check(PrefillCase test)
    {
        int heads = test.KeyValueHeads * test.Group, all = test.Before + test.Prompt;
        HeadRows random = HeadRows.Random(test.Seed, all, heads, test.KeyValueHeads, test.HeadSize);
        HeadRows rows = (random with { Queries = [.. random.Queries.Select(q => test.Peak * q)] }).RoundedTo(test.Type);
        AttentionPolicy policy = AttentionPolicy.Dense.With(new PrefillPolicy("mixed", [test.Patterns], test.Piece));
        Dictionary<(int Head, int First), (bool[,] Mask, bool IsCertain)> published = [];
        bool[,,]? compared = null;
        float[] expected = [];
        double[] errors = new double[rows.Queries.Length];
        foreach (ComputeBackend backend in _backends)
        {
            bool[,,] seen = new bool[heads, all, all];
            using AttentionLayer layer = new(backend, rows, policy, all, test.Type)
            {
                Attended = (work, start) =>
                {
                    Mark(work, heads, seen);
                    AssertPublished(test, rows, work, start, seen, published);
                },
            };
            // Another turn starts where the one before ended, in the middle of a piece.
            Read(layer, test.Before);
            Read(layer, test.Prompt);
            if (compared is null || !compared.Cast<bool>().SequenceEqual(seen.Cast<bool>()))
            {
                Array.Clear(errors);
                expected = ReferenceAttention.Run(rows, (head, query, key) => seen[head, query, key], 0, errors);
                compared = seen;
            }

            Difference.AssertWithin(errors, layer.Outputs, expected, backend.Description);
            long pairs = 0;
            foreach (bool pair in seen)
                pairs += pair ? 1 : 0;
            Assert.Equal(pairs, layer.Cache.PairsSeen);
        }

        static void Read(AttentionLayer layer, int tokens)
        {
            for (int left = tokens, count; left > 0; left -= count)
            {
                count = layer.Cache.NextTokens(left, 512);
                layer.Append(count, AttentionMode.Prefill, toCome: left - count);
            }
        }
    }

    // Marks what rows see, and checks that ranges stand in order.
    private static void Mark(AttentionWork work, int heads, bool[,,] seen)
    {
        for (int piece = 0; piece < work.Sparse.PieceCount; piece++)
        {
            for (int head = 0; head < heads; head++)
            {
                KeyRanges ranges = work.Sparse.RangesOf(piece, head);
                for (int block = 0; block < ranges.Blocks; block++)
                {
                    (int first, int end) = ranges.RowsOf(ranges.FirstBlock + block);
                    int last = -1;
                    foreach (KeyRange range in ranges.Of(block))
                    {
                        Assert.True(range.First > last && range.First < range.End && range.End <= end);
                        last = range.End;
                        for (int row = first; row < end; row++)
                        {
                            for (int key = range.First; key < Math.Min(range.End, row + 1); key++)
                            {
                                seen[head, row, key] |= (key < ranges.View.Sink || key >= ranges.View.RingStart(row))
                                    && (ranges.Stream is not StreamPattern stream || row >= ranges.TailStart || key < stream.Initial || row - key < stream.Local);
                            }
                        }
                    }
                }
            }
        }
    }

    private static void AssertPublished(
        PrefillCase test, HeadRows rows, AttentionWork work, int start, bool[,,] seen, Dictionary<(int Head, int First), (bool[,] Mask, bool IsCertain)> known)
    {
        int toCome = work.Segments[0].ToCome, promptEnd = start + work.Segments[0].Rows + toCome;
        foreach (SparsePiece piece in work.Sparse.Pieces)
        {
            int first = start + piece.FirstRow, end = first + piece.Rows;
            for (int head = 0; head < test.Patterns.Length; head++)
            {
                if (!known.TryGetValue((head, first), out (bool[,] Mask, bool IsCertain) expected))
                    known[(head, first)] = expected = Published(head, first, end);
                for (int row = first; row < end && expected.IsCertain; row++)
                {
                    for (int key = 0; key < end; key++)
                    {
                        if (expected.Mask[row - first, key] != seen[head, row, key])
                            Assert.Fail($"{test.Patterns[head]}, head {head}: row {row}, key {key}");
                    }
                }
            }
        }

        (bool[,] Mask, bool IsCertain) Published(int head, int first, int end)
        {
            PublishedSelection published = new(
                [.. Enumerable.Range(first, end - first).Select(row => Row(rows.Queries, row, head, test.Patterns.Length))],
                [.. Enumerable.Range(0, end).Select(row => Row(rows.Keys, row, head / test.Group, test.KeyValueHeads))]);
            bool[,] mask = test.Patterns[head] switch
            {
                StreamPattern stream => published.Stream(stream.Initial, stream.Local, Math.Max(0, stream.Last - (promptEnd - end))),
                VerticalSlashPattern slash => published.VerticalSlash(slash.Vertical, slash.Slash),
                PooledBlocksPattern blocks => published.BlockSparse(blocks.Blocks),
                CoveragePattern coverage => published.FlexPrefill(coverage.Gamma, coverage.Tau, coverage.LeastTokens, coverage.MostTokens, coverage.Block),
                AntidiagonalPattern x => published.XAttention(x.Threshold, x.Stride, x.Block),
                _ => throw new InvalidOperationException(),
            };
            return (mask, published.Margin > Certain);
        }

        double[] Row(float[] tensor, int row, int head, int heads) =>
            [.. tensor.AsSpan((row * heads + head) * test.HeadSize, test.HeadSize).ToArray().Select(x => (double)x)];
    }

    private sealed record PrefillCase(
        int KeyValueHeads, int Group, int HeadSize, ElementType Type, HeadPattern[] Patterns, int Piece, int Before, int Prompt, float Peak, int Seed)
    {
        public override string ToString() =>
            $"{KeyValueHeads} KV heads x {Group}, size {HeadSize}, {Type}, [{string.Join<HeadPattern>(", ", Patterns)}], pieces of {Piece}, {Before} tokens before "
            + $"{Prompt}, queries x {Peak}, seed {Seed}";
    }
}
