using System.Globalization;
using ILGPU;
using MoA.Engine.Attention;
using MoA.Gpu.Caches;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Cuda;

/// <summary>Attention of one sequence's heads over random caches in BF16.</summary>
/// <param name="HeadSize">Numbers of a head.</param>
/// <param name="Heads">KV heads.</param>
/// <param name="Group">Query heads of each.</param>
/// <param name="Blocks">Blocks of 64 positions that query heads see besides the sink, in turn.</param>
/// <param name="Length">Tokens before.</param>
/// <param name="Rows">Rows of the prompt.</param>
/// <param name="Window">The model's own.</param>
internal sealed record AttentionShape(int HeadSize, int Heads, int Group, int[] Blocks, int Length, int Rows, int? Window)
{
    private float Scale => 1.44269504088896341f / MathF.Sqrt(HeadSize);

    private int[] VisibleRings => [.. Enumerable.Range(0, Heads * Group).Select(head => ElasticRule.BlockSize * Blocks[head % Blocks.Length])];

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Heads} x {Group} heads of {HeadSize}, {Length} + {Rows} tokens, blocks {string.Join('/', Blocks)}{(Window is int window ? $", window {window}" : "")}");

    /// <summary>Rows of the prompt.</summary>
    public PrefillArguments Prefill(CheckInputs inputs, int tileRows)
    {
        (CacheMemory memory, CacheBlock[] blocks) = Cache(inputs);
        return new PrefillArguments
        {
            Memory = memory,
            Tiles = inputs.Copy<PrefillTile>(Tiles(tileRows)),
            Heads = inputs.Copy<PrefillHead>([.. blocks.Select(block => new PrefillHead
            {
                Block = block,
                Length = Length,
                Oldest = Math.Max(ElasticRule.SinkTokens, Length - block.RingRows),
            })]),
            VisibleRings = inputs.Copy<int>(VisibleRings),
            Queries = inputs.Floats(Rows, Heads * Group * HeadSize),
            Keys = inputs.Floats(Rows, Heads * HeadSize),
            Values = inputs.Floats(Rows, Heads * HeadSize),
            Outputs = inputs.Room<Quad>((long)Rows * Heads * Group * HeadSize / 4),
            KeyValueHeads = Heads,
            Group = Group,
            Window = Window ?? int.MaxValue,
            Scale = Scale,
        };
    }

    /// <summary>The prompt's rows in tiles of so many, within blocks of 64 or of a tile.</summary>
    public PrefillTile[] Tiles(int tileRows)
    {
        List<PrefillTile> tiles = [];
        int block = Math.Max(ElasticRule.BlockSize, tileRows);
        for (int row = 0; row < Rows; row += tiles[^1].Rows)
            tiles.Add(new PrefillTile { Row = row, Rows = Math.Min(Math.Min(tileRows, Rows - row), block - (Length + row) % block), Position = Length + row });
        return [.. tiles];
    }

    /// <summary>The token at position Length, whose row is stored.</summary>
    public DecodeArguments Decode(CheckInputs inputs, DeviceSession session, DecodeWorkList list)
    {
        (CacheMemory memory, CacheBlock[] blocks) = Cache(inputs);
        int[] rings = VisibleRings;
        list.BeginLayer();
        for (int head = 0; head < Heads; head++)
        {
            DecodeHead item = new()
            {
                Block = blocks[head],
                Head = head,
                VisibleRing = rings.AsSpan(head * Group, Group).ToArray().Max(),
                Rings = head * Group,
                Window = Window ?? int.MaxValue,
            };
            list.Add(item, Length + Rows);
        }

        list.Upload();
        list.Place(session, [new DecodeSequence { Position = Length }]);
        long found = (long)list.MostPieces * Group;
        return new DecodeArguments
        {
            Memory = memory,
            Items = list.Items(0),
            Pieces = list.Pieces(0),
            VisibleRings = inputs.Copy<int>(rings),
            Queries = inputs.Floats(1, Heads * Group * HeadSize),
            Partials = new PartialOutputs { Quads = inputs.Room<Quad>(found * HeadSize / 4), States = inputs.Room<float>(2 * found), HeadQuads = HeadSize / 4 },
            Outputs = inputs.Room<Quad>((long)Heads * Group * HeadSize / 4),
            KeyValueHeads = Heads,
            Group = Group,
            Scale = Scale,
        };
    }

    // As many rows as the widest head of each group sees, all of them filled.
    private (CacheMemory Memory, CacheBlock[] Blocks) Cache(CheckInputs inputs)
    {
        CacheBlock[] blocks = new CacheBlock[Heads];
        int rows = 0;
        for (int head = 0; head < Heads; head++)
        {
            blocks[head] = new CacheBlock { Start = (long)rows * HeadSize / 8, RingRows = VisibleRings.AsSpan(head * Group, Group).ToArray().Max() };
            rows += 2 * (ElasticRule.SinkTokens + blocks[head].RingRows);
        }

        return (CacheMemory.Of(inputs.Rounded(inputs.Floats(rows, HeadSize)), HeadSize), blocks);
    }
}
