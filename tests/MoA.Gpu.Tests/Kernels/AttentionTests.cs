using FsCheck;
using FsCheck.Fluent;
using ILGPU;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;
using MoA.Gpu.Caches;
using MoA.Gpu.Cuda;
using MoA.Gpu.Kernels;
using MoA.Tests;

namespace MoA.Gpu.Tests.Kernels;

/// <summary>
/// Attention of batches of unequal sequences against its definition (docs/method.md, section 4) in double: groups, rings that
/// wrapped, heads whose rings differ, the model's own window.
/// </summary>
public sealed class AttentionTests
{
    private const float Log2E = 1.44269504088896341f;

    [Fact]
    public void Decoding_follows_the_definition() =>
        Prop.ForAll(Cases(maximumRows: 1).ToArbitrary(), shape => CheckDecode(shape)).Holds(10);

    [Fact]
    public void Prompts_follow_the_definition() =>
        Prop.ForAll(Cases(maximumRows: 5).ToArbitrary(), shape => CheckPrefill(shape)).Holds(8);

    /// <summary>Every head size's kernel, groups that fill no tile, heads cut into pieces, a piece across a block's border.</summary>
    [Theory]
    [InlineData(1, 16, ElementType.BF16, null)]
    [InlineData(2, 80, ElementType.BF16, 100)]
    [InlineData(5, 128, ElementType.Q8_0, null)]
    [InlineData(3, 256, ElementType.BF16, null)]
    [InlineData(6, 32, ElementType.Q8_0, 1)]
    public void Shapes_of_models(int group, int size, ElementType type, int? window)
    {
        AttentionCase shape = new(1, group, size, [3], type, [(270, 1), (62, 1)], window, 5);
        CheckDecode(shape);
        CheckPrefill(shape with { Pieces = [(190, 3)] });
    }

    /// <summary>Infinity times a weight of 0 is no number: held and new rows that nobody sees are not read.</summary>
    [Theory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.Q8_0)]
    public void Blocks_that_nobody_sees_are_never_touched(ElementType type)
    {
        AttentionCase shape = new(1, 2, 32, [1], type, [(200, 125)], null, 6) { StoredBlocks = 5, InfiniteBefore = 320 };
        CheckPrefill(shape);
        CheckDecode(shape with { Pieces = [(383, 1)] });
    }

    [Fact]
    public void Pieces_cover_every_row_once_whatever_else_is_in_the_batch()
    {
        using Emulated device = new();
        using DecodeWorkList list = new(device.Memory);
        for (int round = 0; round < 2; round++)
        {
            DecodeSequence[] sequences = [.. Enumerable.Range(0, 54).Select(i => new DecodeSequence { Row = i, Position = 13 * i })];
            list.Clear();
            for (int layer = 0; layer < 2; layer++)
            {
                list.BeginLayer();
                for (int i = 0; i < sequences.Length; i++)
                    list.Add(new DecodeHead { Block = CacheBlock.At(0, HeadLayout.Of(576, int.MaxValue)), Sequence = i, VisibleRing = 512, Window = int.MaxValue }, 800);
            }

            list.Upload();
            list.Place(device.Session, sequences);
            for (int layer = 0; layer < 2; layer++)
            {
                DecodeItem[] items = Emulated.Read(list.Items(layer));
                DecodePiece[] pieces = Emulated.Read(list.Pieces(layer));
                Assert.Equal(54, items.Length);
                int piece = 0;
                for (int i = 0; i < items.Length; i++)
                {
                    Assert.Equal(piece, items[i].FirstPiece);
                    Assert.Equal(Math.Min(13 * i + 1, 64 + 512), items[i].Rows);
                    int next = 0;
                    for (; piece < pieces.Length && pieces[piece].Item == i; piece++, next += DecodeItem.RowsPerPiece)
                        Assert.Equal(next, pieces[piece].First);
                    Assert.InRange(items[i].Rows, 1, next);
                    Assert.InRange(items[i].Pieces, 1, (64 + 512 + DecodeItem.RowsPerPiece - 1) / DecodeItem.RowsPerPiece);
                }

                Assert.Equal(piece, pieces.Length);
                Assert.InRange(list.MostPieces, piece, piece);
            }
        }
    }

    private static Gen<AttentionCase> Cases(int maximumRows) =>
        from heads in Gen.Choose(1, 2)
        from @group in Gen.Choose(1, 5)
        from type in Gen.Elements(ElementType.BF16, ElementType.Q8_0)
        from size in Gen.Elements<int>(type == ElementType.BF16 ? [16, 48, 64, 80] : [32, 64, 96])
        from perQueryHead in Gen.Elements(false, true)
        from ringBlocks in Gen.Choose(1, 3).ArrayOf(perQueryHead ? heads * @group : heads)
        from sequences in Gen.Choose(1, 3)
        from pieces in (from length in Gen.Choose(0, 330) from rows in Gen.Choose(1, maximumRows) select (length, rows)).ArrayOf(sequences)
        from window in Gen.Elements<int?>(null, null, 1, 40, 64, 150)
        from seed in Gen.Choose(0, int.MaxValue)
        select new AttentionCase(heads, @group, size, ringBlocks, type, pieces, window, seed);

    /// <summary>Checks decoding on the portable kernel, or on that of tensor cores.</summary>
    internal static void CheckDecode(AttentionCase shape, bool tensorCores = false)
    {
        using Emulated device = new(tensorCores);
        HeadRows[] sequences = shape.Sequences();
        CachedBatch batch = new(device, shape.Type, sequences, shape.StoredLayouts());
        using DecodeWorkList list = new(device.Memory);
        list.BeginLayer();
        for (int i = 0; i < sequences.Length; i++)
        {
            int position = shape.Pieces[i].Length;
            batch.Write(i, 0, position);
            batch.Write(i, position, position + 1);
            for (int head = 0; head < shape.Heads; head++)
            {
                DecodeHead item = new()
                {
                    Block = batch.Blocks[i * shape.Heads + head],
                    Sequence = i,
                    Head = head,
                    VisibleRing = shape.VisibleRings().AsSpan(head * shape.Group, shape.Group).ToArray().Max(),
                    Rings = head * shape.Group,
                    Window = shape.Window ?? int.MaxValue,
                };
                list.Add(item, position + 1 + shape.Seed % 200);
            }
        }

        list.Upload();
        list.Place(device.Session, [.. shape.Pieces.Select((piece, i) => new DecodeSequence { Row = i, Position = piece.Length })]);
        int columns = shape.Heads * shape.Group * shape.Size, found = list.MostPieces * shape.Group;
        ArrayView<Quad> outputs = device.Rows(new float[sequences.Length * columns], columns);
        DecodeArguments arguments = new()
        {
            Memory = batch.Memory,
            Items = list.Items(0),
            Pieces = list.Pieces(0),
            VisibleRings = device.Copy(shape.VisibleRings()),
            Queries = device.Rows([.. sequences.SelectMany(rows => rows.Queries[^columns..])], columns),
            Partials = new PartialOutputs
            {
                Quads = device.Rows(new float[found * shape.Size], shape.Size),
                States = device.Copy(new float[2 * found]),
                HeadQuads = shape.Size / 4,
            },
            Outputs = outputs,
            KeyValueHeads = shape.Heads,
            Group = shape.Group,
            Scale = Log2E / MathF.Sqrt(shape.Size),
        };
        if (tensorCores)
        {
            Assert.True(TensorCoreDecode.CanRun(device.Session, shape.Type, shape.Size));
            TensorCoreDecode.Run(device.Session, shape.Type, arguments);
        }
        else
        {
            DeviceAttention.Decode(device.Session, shape.Type, arguments);
        }

        float[] actual = Emulated.Read(outputs, columns);
        for (int i = 0; i < sequences.Length; i++)
        {
            AssertOutputs(shape, sequences[i], 1, actual[(i * columns)..((i + 1) * columns)], (head, query, key) =>
                ReferenceAttention.SeesInDecode(query, key, shape.VisibleRings()[head], shape.Window ?? int.MaxValue), splits: tensorCores);
        }
    }

    /// <summary>Checks prompts on the portable kernel, or on that of tensor cores, which rounds queries and weights to BF16.</summary>
    internal static void CheckPrefill(AttentionCase shape, bool tensorCores = false)
    {
        using Emulated device = new(tensorCores);
        HeadRows[] sequences = shape.Sequences();
        int tileRows = tensorCores ? TensorCorePrefill.TileRows(shape.Group) : DeviceAttention.PrefillRows, alignment = Math.Max(64, tileRows);
        CachedBatch batch = new(device, shape.Type, sequences, shape.StoredLayouts());
        List<PrefillTile> tiles = [];
        List<PrefillHead> heads = [];
        int row = 0;
        for (int i = 0; i < sequences.Length; i++)
        {
            (int length, int rows) = shape.Pieces[i];
            batch.Write(i, 0, length);
            for (int head = 0; head < shape.Heads; head++)
            {
                CacheBlock block = batch.Blocks[i * shape.Heads + head];
                heads.Add(new PrefillHead { Block = block, Length = length, Oldest = Math.Max(64, length - block.RingRows), FirstRow = row });
            }

            for (int done = 0; done < rows;)
            {
                int count = Math.Min(Math.Min(tileRows, rows - done), alignment - (length + done) % alignment);
                if (length + done >= shape.InfiniteBefore)
                    tiles.Add(new PrefillTile { Segment = i, Row = row + done, Rows = count, Position = length + done });
                done += count;
            }

            row += rows;
        }

        int columns = shape.Heads * shape.Group * shape.Size, stored = shape.Heads * shape.Size;
        ArrayView<Quad> outputs = device.Rows(new float[row * columns], columns);
        PrefillArguments arguments = new()
        {
            Memory = batch.Memory,
            Tiles = device.Copy(tiles.ToArray()),
            Heads = device.Copy(heads.ToArray()),
            VisibleRings = device.Copy(sequences.SelectMany(_ => shape.VisibleRings()).ToArray()),
            Queries = device.Rows(Pieces(rows => rows.Queries, columns), columns),
            Keys = device.Rows(Pieces(rows => rows.Keys, stored), stored),
            Values = device.Rows(Pieces(rows => rows.Values, stored), stored),
            Outputs = outputs,
            KeyValueHeads = shape.Heads,
            Group = shape.Group,
            Window = shape.Window ?? int.MaxValue,
            Scale = Log2E / MathF.Sqrt(shape.Size),
        };
        if (tensorCores)
        {
            Assert.True(TensorCorePrefill.CanRun(device.Session, shape.Type, shape.Size));
            TensorCorePrefill.Run(device.Session, arguments, device.Copy(new Quad[TensorCorePrefill.ScratchQuads(arguments)]));
        }
        else
        {
            DeviceAttention.Prefill(device.Session, shape.Type, arguments);
        }

        float[] actual = Emulated.Read(outputs, columns);
        row = 0;
        for (int i = 0; i < sequences.Length; i++)
        {
            int rows = shape.Pieces[i].Rows, skipped = Math.Max(0, shape.InfiniteBefore - shape.Pieces[i].Length);
            AssertOutputs(shape, sequences[i], rows - skipped, actual[((row + skipped) * columns)..((row + rows) * columns)], (head, query, key) =>
                ReferenceAttention.SeesInPrefill(query, key, shape.VisibleRings()[head], shape.Window ?? int.MaxValue), inBF16: tensorCores);
            row += rows;
        }

        float[] Pieces(Func<HeadRows, float[]> tensor, int width) => [.. sequences.SelectMany(
            (rows, i) => tensor(rows)[(shape.Pieces[i].Length * width)..])];
    }

    private static void AssertOutputs(
        AttentionCase shape, HeadRows rows, int last, float[] actual, Func<int, int, int, bool> sees, bool inBF16 = false, bool splits = false)
    {
        if (inBF16)
            rows = rows with { Queries = HeadRows.Rounded(rows.Queries, ElementType.BF16) };
        double[] bounds = new double[rows.Positions * rows.QueryHeads * rows.HeadSize];
        float[] expected = ReferenceAttention.Run(rows, sees, rows.Positions - last, bounds);
        if (inBF16 || splits)
        {
            // Weights err by a part of themselves, at most: 2^-8 where they are rounded. Two numbers for one leave 2^-16, of weights and of
            // the products that make scores, less than 2·sqrt(size) here.
            double part = inBF16 ? 1.0 / 256 : (1 + 2 * Math.Sqrt(shape.Size)) / 65536;
            float[] magnitudes = ReferenceAttention.Run(rows with { Values = [.. rows.Values.Select(Math.Abs)] }, sees, rows.Positions - last);
            for (int i = 0; i < bounds.Length; i++)
                bounds[i] += part * magnitudes[i];
        }

        Assert.Equal(shape.Heads * shape.Group * shape.Size * last, actual.Length);
        Numbers.AssertWithin(bounds[^actual.Length..], actual, [.. expected[^actual.Length..].Select(value => (double)value)]);
    }

    /// <param name="Heads">KV heads.</param>
    /// <param name="Group">Query heads of each.</param>
    /// <param name="Size">Of a head.</param>
    /// <param name="RingBlocks">One for each KV head, or for each query head.</param>
    /// <param name="Type">The caches' format.</param>
    /// <param name="Pieces">Tokens before the piece and rows of it, for each sequence.</param>
    /// <param name="Window">The model's own.</param>
    /// <param name="Seed">Of the numbers.</param>
    public sealed record AttentionCase(
        int Heads, int Group, int Size, int[] RingBlocks, ElementType Type, (int Length, int Rows)[] Pieces, int? Window, int Seed)
    {
        /// <summary>Blocks that are stored at least, though nobody sees so many.</summary>
        public int StoredBlocks { get; init; }

        /// <summary>Rows that are stored besides, so that the ring is no number of blocks.</summary>
        public int MoreRows { get; init; }

        /// <summary>Rows between the sink and this position are infinite, and only queries from there on are looked at.</summary>
        public int InfiniteBefore { get; init; }

        internal HeadRows[] Sequences() => [.. Pieces.Select((piece, i) => WithInfinities(
            HeadRows.Random(Seed ^ i, piece.Length + piece.Rows, Heads * Group, Heads, Size).RoundedTo(Type)))];

        /// <summary>[query heads] in tokens.</summary>
        internal int[] VisibleRings() =>
            [.. Enumerable.Range(0, Heads * Group).Select(head => 64 * RingBlocks[RingBlocks.Length == Heads ? head / Group : head])];

        /// <summary>[KV heads]: the largest of the group, within the window.</summary>
        internal HeadLayout[] StoredLayouts() => [.. VisibleRings().Chunk(Group).Select(
            rings => HeadLayout.Of(64 + Math.Max(rings.Max(), 64 * StoredBlocks) + MoreRows, Window ?? int.MaxValue))];

        private HeadRows WithInfinities(HeadRows rows)
        {
            int columns = Heads * Size;
            for (int i = 64 * columns; i < InfiniteBefore * columns; i++)
                rows.Keys[i] = rows.Values[i] = float.PositiveInfinity;
            return rows;
        }
    }
}
