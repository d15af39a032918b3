using System.Globalization;
using System.Runtime.InteropServices;
using ILGPU;
using MoA.Engine.Attention;
using MoA.Engine.Numerics;
using MoA.Gpu.Caches;
using MoA.Gpu.Device;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Cuda;

/// <summary>Attention of one sequence's heads over random caches.</summary>
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
        (CacheMemory memory, CacheBlock[] blocks) = Cache(inputs, ElementType.BF16);
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
    public DecodeArguments Decode(CheckInputs inputs, DeviceSession session, DecodeWorkList list, ElementType type)
    {
        (CacheMemory memory, CacheBlock[] blocks) = Cache(inputs, type);
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
    private (CacheMemory Memory, CacheBlock[] Blocks) Cache(CheckInputs inputs, ElementType type)
    {
        CacheBlock[] blocks = new CacheBlock[Heads];
        long quads = 0;
        for (int head = 0; head < Heads; head++)
        {
            int rows = ElasticRule.SinkTokens + VisibleRings.AsSpan(head * Group, Group).ToArray().Max();
            HeadLayout layout = HeadLayout.Of(rows, Window ?? int.MaxValue);
            blocks[head] = CacheBlock.At(quads, layout);
            quads += DeviceCaches.QuadsOf(type, layout.Rows, HeadSize);
        }

        if (type == ElementType.BF16)
            return (CacheMemory.Of(inputs.Rounded(inputs.Floats(checked((int)quads), 8)), HeadSize), blocks);
        byte[] stored = inputs.Bytes(16 * quads);
        Span<ushort> words = MemoryMarshal.Cast<byte, ushort>(stored.AsSpan());
        foreach (CacheBlock block in blocks)
        {
            // Scales stand after all quants.
            int rows = 2 * block.Rows, first = checked((int)(8 * (block.Start + (long)rows * (HeadSize / 16))));
            foreach (ref ushort scale in words.Slice(first, rows * (HeadSize / 32)))
                scale = BitConverter.HalfToUInt16Bits((System.Half)((1 + scale / 65536f) / 128));
        }

        return (CacheMemory.Of(inputs.Copy<byte>(stored).Cast<Quad>(), HeadSize), blocks);
    }
}
