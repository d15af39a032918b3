using ILGPU;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// dK += dS'·Q, or dV += A'·dO, over a panel's queries of all heads of the group, in their order. A group of threads 64 keys by up to
/// 64 components of a KV head; queries that see none of them are never read.
/// </summary>
internal struct PanelTransposedProduct : IDeviceKernel
{
    public AttentionPanel Panel;

    /// <summary>One of the panel's matrices.</summary>
    public ArrayView<Quad> Matrix;

    /// <summary>[rows, query heads·d] floats: queries, or the gradient at the heads' outputs.</summary>
    public ArrayView<Quad> Queries;

    /// <summary>[rows, KV heads·d] floats; added to.</summary>
    public ArrayView<Quad> KeyGradient;

    /// <summary>Groups of a launch.</summary>
    public readonly long Tiles => (long)Panel.Heads * Panel.KeyBlocks * Parts;

    private readonly int Parts => (Panel.HeadSize + ProductTile.Size - 1) / ProductTile.Size;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int part = Grid.IdxX % Parts * (ProductTile.Size / 4), rest = Grid.IdxX / Parts;
        int keyBlock = rest % Panel.KeyBlocks + Panel.FirstKeyBlock, head = rest / Panel.KeyBlocks;
        int quads = Panel.HeadQuads - part, first = Math.Max(keyBlock, Panel.FirstQueryBlock) * ProductTile.Size;
        int end = Math.Min(Panel.Rows, (Panel.YoungestBlock(keyBlock) + 1) * ProductTile.Size);
        int before = Panel.FirstQueryBlock * ProductTile.Size;
        ProductTile tile = ProductTile.Start();
        for (int queryHead = head * Panel.Group; queryHead < (head + 1) * Panel.Group; queryHead++)
        {
            long start = Panel.At(queryHead, Panel.FirstQueryBlock, keyBlock) - (long)before * Panel.Stride;
            long queries = Panel.Query(queryHead, 0) + part;
            for (int query = first; query < end; query += ProductTile.Depth)
            {
                ProductTile.FillAcross(tile.Left, Matrix, start, Panel.Stride, query, end, ProductTile.Size / 4);
                ProductTile.FillAcross(tile.Right, Queries, queries, Panel.QueryStride, query, end, quads);
                tile.Multiply();
            }
        }

        tile.Store(new TileTarget
        {
            Y = KeyGradient,
            First = Panel.Key(head, keyBlock) + part,
            Stride = Panel.KeyStride,
            Rows = Panel.RowsOf(keyBlock),
            Quads = quads,
            Accumulate = 1,
        });
    }
}
