using ILGPU;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// Products of queries with keys, not scaled, or of the gradient at the outputs with values: one of a panel's matrices. A group of
/// threads a block of 64×64; blocks that nobody sees are left alone.
/// </summary>
internal struct PanelScores : IDeviceKernel
{
    public AttentionPanel Panel;

    /// <summary>[rows, query heads·d] floats.</summary>
    public ArrayView<Quad> Queries;

    /// <summary>[rows, KV heads·d] floats.</summary>
    public ArrayView<Quad> Keys;

    /// <summary>One of the panel's matrices.</summary>
    public ArrayView<Quad> Products;

    /// <summary>Groups of a launch.</summary>
    public readonly long Tiles => (long)Panel.QueryHeads * Panel.QueryBlocks * Panel.KeyBlocks;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int keyBlock = Grid.IdxX % Panel.KeyBlocks + Panel.FirstKeyBlock, rest = Grid.IdxX / Panel.KeyBlocks;
        int queryBlock = rest % Panel.QueryBlocks + Panel.FirstQueryBlock, head = rest / Panel.QueryBlocks;
        if (keyBlock > queryBlock || keyBlock < Panel.OldestBlock(queryBlock))
            return;
        long query = Panel.Query(head, queryBlock), key = Panel.Key(head / Panel.Group, keyBlock);
        ProductTile tile = ProductTile.Start();
        for (int quad = 0; quad < Panel.HeadQuads; quad += ProductTile.Depth / 4)
        {
            ProductTile.FillAlong(tile.Left, Queries, query, Panel.QueryStride, quad, Panel.HeadQuads, Panel.RowsOf(queryBlock));
            ProductTile.FillAlong(tile.Right, Keys, key, Panel.KeyStride, quad, Panel.HeadQuads, Panel.RowsOf(keyBlock));
            tile.Multiply();
        }

        tile.Store(new TileTarget
        {
            Y = Products,
            First = Panel.At(head, queryBlock, keyBlock),
            Stride = Panel.Stride,
            Rows = ProductTile.Size,
            Quads = ProductTile.Size / 4,
        });
    }
}
