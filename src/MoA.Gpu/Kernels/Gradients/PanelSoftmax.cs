using ILGPU;
using MoA.Engine.Attention;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// Scores of a panel become probabilities, of all blocks that any of a block's queries sees; what is not seen becomes 0. A warp a
/// query.
/// </summary>
internal struct PanelSoftmax : IDeviceKernel
{
    public AttentionPanel Panel;

    /// <summary>Of scores: log2 e/√d.</summary>
    public float Scale;

    /// <summary>Warps of a launch.</summary>
    public readonly long Warps => (long)Panel.QueryHeads * Panel.QueryBlocks * ElasticRule.BlockSize;

    /// <inheritdoc/>
    public readonly void Run()
    {
        int row = Threads.Warp;
        if (row >= Warps)
            return;
        int query = row % (Panel.QueryBlocks * ElasticRule.BlockSize) + Panel.FirstQueryBlock * ElasticRule.BlockSize;
        if (query >= Panel.Rows)
            return;
        SeenKeys seen = SeenKeys.Of(Panel, query);
        long start = (long)row * Panel.Stride;
        float largest = SeenKeys.Hidden;
        for (int i = seen.Oldest / 4 + Threads.Lane; i <= seen.Newest / 4; i += Threads.PerWarp)
        {
            Quad s = seen.Only(Panel.Weights[start + i], i);
            largest = Math.Max(largest, Math.Max(Math.Max(s.FloatX, s.FloatY), Math.Max(s.FloatZ, s.FloatW)));
        }

        largest = LaneSum.LargestOfWarp(largest);
        float sum = 0;
        for (int i = seen.Oldest / 4 + Threads.Lane; i <= seen.Newest / 4; i += Threads.PerWarp)
        {
            Quad e = Numerators(seen.Only(Panel.Weights[start + i], i), largest);
            sum += e.FloatX + e.FloatY + (e.FloatZ + e.FloatW);
        }

        float share = 1 / LaneSum.OfWarp(sum);
        int block = query / ElasticRule.BlockSize, quads = ElasticRule.BlockSize / 4;
        int first = (Panel.OldestBlock(block) - Panel.FirstKeyBlock) * quads, end = (block + 1 - Panel.FirstKeyBlock) * quads;
        for (int i = first + Threads.Lane; i < end; i += Threads.PerWarp)
            Panel.Weights[start + i] = Numerators(seen.Only(Panel.Weights[start + i], i), largest).Times(share);
    }

    private readonly Quad Numerators(Quad scores, float largest) => Quad.Of(
        IntrinsicMath.CPUOnly.Exp2((scores.FloatX - largest) * Scale),
        IntrinsicMath.CPUOnly.Exp2((scores.FloatY - largest) * Scale),
        IntrinsicMath.CPUOnly.Exp2((scores.FloatZ - largest) * Scale),
        IntrinsicMath.CPUOnly.Exp2((scores.FloatW - largest) * Scale));
}
