using ILGPU;
using ILGPU.Runtime;
using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Gpu.Device;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// Causal attention of whole items and its gradient, in F32 and without a cache, panel by panel: of the matrices of all queries by
/// all keys no more is held than fits the given memory, or one block of queries of a group's heads.
/// </summary>
internal sealed class DeviceAttentionGradient : IDisposable
{
    private const float Log2E = 1.44269504088896341f;
    private const int Block = ElasticRule.BlockSize;

    // More would make products no faster, and fewer heads would be worked on together.
    private const int MostQueryBlocks = 16;

    private readonly DeviceSession _session;
    private readonly long _panelBytes;
    private readonly DeviceScratch<Quad> _matrices, _sums, _gradients;

    /// <summary>Makes ready; memory is taken when it is first needed.</summary>
    /// <param name="session">The device.</param>
    /// <param name="memory">Its memory.</param>
    /// <param name="panelBytes">Bytes that a panel's two matrices may take.</param>
    public DeviceAttentionGradient(DeviceSession session, DeviceMemory memory, long panelBytes = 1 << 30)
    {
        _session = session;
        _panelBytes = panelBytes;
        _matrices = new DeviceScratch<Quad>(memory);
        _sums = new DeviceScratch<Quad>(memory);
        _gradients = new DeviceScratch<Quad>(memory);
    }

    /// <summary>Attends: rows of floats, [rows, heads·d] each; d is a multiple of 4.</summary>
    public void Attend(
        in AttentionShape shape, ArrayView<Quad> queries, ArrayView<Quad> keys, ArrayView<Quad> values, ArrayView<Quad> outputs)
    {
        float scale = Log2E / MathF.Sqrt(shape.HeadSize);
        foreach (AttentionPanel panel in Panels(shape))
        {
            Scores(panel, queries, keys, panel.Weights);
            PanelSoftmax softmax = new() { Panel = panel, Scale = scale };
            _session.RunWarps(softmax, softmax.Warps);
            Product(panel, panel.Weights, values, outputs);
        }
    }

    /// <summary>
    /// Writes the influence of every block of positions and, if wanted, replaces queries, keys and values by their gradients.
    /// </summary>
    /// <param name="shape">Rows, heads and window; d is a multiple of 4.</param>
    /// <param name="queries">[rows, queryHeads·d], after RoPE.</param>
    /// <param name="keys">[rows, keyValueHeads·d], after RoPE.</param>
    /// <param name="values">[rows, keyValueHeads·d].</param>
    /// <param name="outputGradient">[rows, queryHeads·d], at the heads' outputs.</param>
    /// <param name="influence">[queryHeads, blocks, blocks].</param>
    /// <param name="withGradients">False where nobody needs the gradients.</param>
    public void Run(
        in AttentionShape shape, ArrayView<Quad> queries, ArrayView<Quad> keys, ArrayView<Quad> values,
        ArrayView<Quad> outputGradient, ArrayView<float> influence, bool withGradients)
    {
        long rowQuads = (long)shape.Rows * shape.KeyValueHeads * (shape.HeadSize / 4);
        ArrayView<Quad> keyGradient = default, valueGradient = default;
        if (withGradients)
        {
            ArrayView<Quad> gradients = _gradients.Room(2 * rowQuads);
            gradients.MemSetToZero();
            keyGradient = gradients.SubView(0, rowQuads);
            valueGradient = gradients.SubView(rowQuads, rowQuads);
        }

        influence.MemSetToZero();
        foreach (AttentionPanel panel in Panels(shape))
        {
            Scores(panel, queries, keys, panel.Weights);
            Scores(panel, outputGradient, values, panel.Gradients);
            Influence(shape, panel, influence);
            if (!withGradients)
                continue;
            TransposedProduct(panel, panel.Weights, outputGradient, valueGradient);
            TransposedProduct(panel, panel.Gradients, queries, keyGradient);
            // Of these queries nobody needs more.
            Product(panel, panel.Gradients, keys, queries);
        }

        if (withGradients)
        {
            keyGradient.CopyTo(keys.SubView(0, rowQuads));
            valueGradient.CopyTo(values.SubView(0, rowQuads));
        }
    }

    /// <summary>Bytes of device memory that items of a shape take here.</summary>
    public static long BytesOf(in AttentionShape shape, long panelBytes = 1 << 30)
    {
        (int blocks, int heads) = Size(shape, panelBytes);
        long queries = (long)heads * shape.Group * blocks * Block;
        return queries * (2 * sizeof(float) * Block * MostKeyBlocks(shape, blocks) + 16)
            + 2L * sizeof(float) * shape.Rows * shape.KeyValueHeads * shape.HeadSize;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _matrices.Dispose();
        _sums.Dispose();
        _gradients.Dispose();
    }

    private void Influence(in AttentionShape shape, in AttentionPanel panel, ArrayView<float> influence)
    {
        ArrayView<Quad> rows = _sums.Room((long)panel.QueryHeads * panel.QueryBlocks * Block);
        float scale = 1 / MathF.Sqrt(shape.HeadSize);
        InfluenceSums sums = new() { Panel = panel, Sums = rows, Scale = Log2E * scale };
        _session.RunWarps(sums, sums.Warps);
        InfluenceBlock blocks = new()
        {
            Panel = panel,
            Sums = rows,
            Influence = influence,
            Blocks = shape.Blocks,
            Scale = Log2E * scale,
            GradientScale = scale,
        };
        _session.RunTiles(blocks, blocks.Tiles);
    }

    private void Scores(in AttentionPanel panel, ArrayView<Quad> queries, ArrayView<Quad> keys, ArrayView<Quad> products)
    {
        PanelScores kernel = new() { Panel = panel, Queries = queries, Keys = keys, Products = products };
        _session.RunTiles(kernel, kernel.Tiles);
    }

    private void Product(in AttentionPanel panel, ArrayView<Quad> matrix, ArrayView<Quad> keys, ArrayView<Quad> products)
    {
        PanelProduct kernel = new() { Panel = panel, Matrix = matrix, Keys = keys, Products = products };
        _session.RunTiles(kernel, kernel.Tiles);
    }

    private void TransposedProduct(in AttentionPanel panel, ArrayView<Quad> matrix, ArrayView<Quad> queries, ArrayView<Quad> sums)
    {
        PanelTransposedProduct kernel = new() { Panel = panel, Matrix = matrix, Queries = queries, KeyGradient = sums };
        _session.RunTiles(kernel, kernel.Tiles);
    }

    private IEnumerable<AttentionPanel> Panels(AttentionShape shape)
    {
        (int blocks, int heads) = Size(shape, _panelBytes);
        long rows = (long)heads * shape.Group * blocks * Block, quads = rows * MostKeyBlocks(shape, blocks) * (Block / 4);
        ArrayView<Quad> matrices = _matrices.Room(2 * quads);
        for (int head = 0; head < shape.KeyValueHeads; head += heads)
        {
            for (int block = 0; block < shape.Blocks; block += blocks)
            {
                AttentionPanel panel = new()
                {
                    Weights = matrices.SubView(0, quads),
                    Gradients = matrices.SubView(quads, quads),
                    Rows = shape.Rows,
                    QueryBlocks = Math.Min(blocks, shape.Blocks - block),
                    FirstQueryBlock = block,
                    Heads = Math.Min(heads, shape.KeyValueHeads - head),
                    FirstHead = head,
                    Group = shape.Group,
                    KeyValueHeads = shape.KeyValueHeads,
                    HeadSize = shape.HeadSize,
                    Window = shape.SlidingWindow,
                };
                panel.FirstKeyBlock = panel.OldestBlock(block);
                panel.KeyBlocks = block + panel.QueryBlocks - panel.FirstKeyBlock;
                yield return panel;
            }
        }
    }

    // Blocks of queries and KV heads of a panel.
    private static (int Blocks, int Heads) Size(in AttentionShape shape, long panelBytes)
    {
        int blocks = Math.Min(shape.Blocks, MostQueryBlocks);
        while (blocks > 1 && Bytes(shape, blocks) > panelBytes)
            blocks--;
        return (blocks, (int)Math.Clamp(panelBytes / Bytes(shape, blocks), 1, shape.KeyValueHeads));
    }

    // Of a KV head's query heads, both matrices.
    private static long Bytes(in AttentionShape shape, int blocks) =>
        2L * sizeof(float) * shape.Group * blocks * Block * MostKeyBlocks(shape, blocks) * Block;

    private static int MostKeyBlocks(in AttentionShape shape, int blocks) =>
        (int)Math.Min(shape.Blocks, blocks + ((long)shape.SlidingWindow + Block - 2) / Block);
}
