using ILGPU;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// A panel's matrix times keys or values: the heads' outputs A·V, or the gradient dS·K of queries, which replaces them. A group of threads
/// 64 queries by up to 64 components of a head; keys that nobody of them sees are never read.
/// </summary>
internal struct PanelProduct : IDeviceKernel
{
    public AttentionPanel Panel;

    /// <summary>One of the panel's matrices.</summary>
    public ArrayView<Quad> Matrix;

    /// <summary>[rows, KV heads·d] floats: keys or values.</summary>
    public ArrayView<Quad> Keys;

    /// <summary>[rows, query heads·d] floats.</summary>
    public ArrayView<Quad> Products;

    /// <summary>Groups of a launch.</summary>
    public readonly long Tiles => (long)Panel.QueryHeads * Panel.QueryBlocks * Parts;

    private readonly int Parts => (Panel.HeadSize + ProductTile.Size - 1) / ProductTile.Size;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int part = Grid.IdxX % Parts * (ProductTile.Size / 4), rest = Grid.IdxX / Parts;
        int queryBlock = rest % Panel.QueryBlocks + Panel.FirstQueryBlock, head = rest / Panel.QueryBlocks;
        int rows = Panel.RowsOf(queryBlock), quads = Panel.HeadQuads - part;
        int oldest = Panel.OldestBlock(queryBlock), end = Math.Min(Panel.Rows, (queryBlock + 1) * ProductTile.Size);
        long start = Panel.At(head, queryBlock, Panel.FirstKeyBlock), keys = Panel.Key(head / Panel.Group, 0) + part;
        int before = Panel.FirstKeyBlock * ProductTile.Size;
        ProductTile tile = ProductTile.Start();
        for (int key = oldest * ProductTile.Size; key < end; key += ProductTile.Depth)
        {
            ProductTile.FillAlong(tile.Left, Matrix, start, Panel.Stride, (key - before) / 4, Panel.Stride, rows);
            ProductTile.FillAcross(tile.Right, Keys, keys, Panel.KeyStride, key, end, quads);
            tile.Multiply();
        }

        tile.Store(new TileTarget
        {
            Y = Products,
            First = Panel.Query(head, queryBlock) + part,
            Stride = Panel.QueryStride,
            Rows = rows,
            Quads = quads,
        });
    }
}
