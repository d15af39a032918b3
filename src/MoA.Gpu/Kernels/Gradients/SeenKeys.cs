using MoA.Engine.Attention;

namespace MoA.Gpu.Kernels.Gradients;

/// <summary>The keys that a query sees, counted from some block's first.</summary>
internal struct SeenKeys
{
    /// <summary>The score of what is not seen: below all scores, yet finite.</summary>
    public const float Hidden = -1e30f;

    public int Oldest, Newest;

    /// <summary>Of a panel, counted from its first key.</summary>
    public static SeenKeys Of(AttentionPanel panel, int query) => Of(panel, query, panel.FirstKeyBlock);

    /// <summary>Of a panel, counted from a block's first key.</summary>
    public static SeenKeys Of(AttentionPanel panel, int query, int keyBlock)
    {
        int first = keyBlock * ElasticRule.BlockSize;
        return new SeenKeys { Oldest = Math.Max(0, query - panel.Window + 1) - first, Newest = query - first };
    }

    /// <summary>Four scores, hidden where the query does not see the key.</summary>
    public readonly Quad Only(Quad scores, int quad) => Quad.Of(
        Sees(4 * quad) ? scores.FloatX : Hidden,
        Sees(4 * quad + 1) ? scores.FloatY : Hidden,
        Sees(4 * quad + 2) ? scores.FloatZ : Hidden,
        Sees(4 * quad + 3) ? scores.FloatW : Hidden);

    private readonly bool Sees(int key) => key >= Oldest && key <= Newest;
}
