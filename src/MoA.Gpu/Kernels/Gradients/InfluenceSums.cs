using ILGPU;
using MoA.Engine.Attention;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>
/// Of every query of a panel, with numerators e = e^((score − largest)/√d) and G: the largest score, and sums over the row in two
/// parts, the key of the largest score (of e = 1) and all others. Without that key the sums are the others' part; any other key has A ≤ 1/2
/// and may be subtracted (docs/method.md, section 3). A warp a query.
/// </summary>
internal struct InfluenceSums : IDeviceKernel
{
    public AttentionPanel Panel;

    /// <summary>[heads, queries] quads: largest score, Σ e of the others, Σ e·G of the others, G of the largest.</summary>
    public ArrayView<Quad> Sums;

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
        Parts parts = new() { Largest = largest, Scale = Scale };
        for (int i = seen.Oldest / 4 + Threads.Lane; i <= seen.Newest / 4; i += Threads.PerWarp)
        {
            Quad s = seen.Only(Panel.Weights[start + i], i), g = Panel.Gradients[start + i];
            parts.Add(s.FloatX, g.FloatX);
            parts.Add(s.FloatY, g.FloatY);
            parts.Add(s.FloatZ, g.FloatZ);
            parts.Add(s.FloatW, g.FloatW);
        }

        float count = LaneSum.OfWarp(parts.Count), product = LaneSum.OfWarp(parts.Product) / count;
        float others = LaneSum.OfWarp(parts.Others), otherProducts = LaneSum.OfWarp(parts.OtherProducts);
        // Of several that are the largest, all but one are among the others.
        if (Threads.Lane == 0)
            Sums[row] = Quad.Of(largest, others + (count - 1), otherProducts + product * (count - 1), product);
    }

    private struct Parts
    {
        public float Largest, Scale, Count, Product, Others, OtherProducts;

        public void Add(float score, float gradient)
        {
            float e = score > SeenKeys.Hidden ? IntrinsicMath.CPUOnly.Exp2((score - Largest) * Scale) : 0;
            bool top = score == Largest;
            Count += top ? 1f : 0f;
            Product += top ? gradient : 0;
            Others += top ? 0 : e;
            OtherProducts += top || e == 0 ? 0 : e * gradient;
        }
    }
}
