using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>Eight times eight sums of a product, in registers.</summary>
internal struct TileSums
{
    private Octet _a, _b, _c, _d, _e, _f, _g, _h;

    /// <summary>this + left'·right.</summary>
    public void AddOuter(Octet left, Octet right)
    {
        _a = _a.Plus(right, left.A);
        _b = _b.Plus(right, left.B);
        _c = _c.Plus(right, left.C);
        _d = _d.Plus(right, left.D);
        _e = _e.Plus(right, left.E);
        _f = _f.Plus(right, left.F);
        _g = _g.Plus(right, left.G);
        _h = _h.Plus(right, left.H);
    }

    /// <summary>Writes the thread's sums: rows r to r + 3 and r + 32 to r + 35, quads q and q + 8 of each.</summary>
    public readonly void Store(TileTarget target, int row, int quad)
    {
        target.Store(_a, row, quad);
        target.Store(_b, row + 1, quad);
        target.Store(_c, row + 2, quad);
        target.Store(_d, row + 3, quad);
        target.Store(_e, row + 32, quad);
        target.Store(_f, row + 33, quad);
        target.Store(_g, row + 34, quad);
        target.Store(_h, row + 35, quad);
    }
}

/// <summary>Where a tile of a product goes.</summary>
internal struct TileTarget
{
    public ArrayView<Quad> Y;

    /// <summary>The tile's first quad.</summary>
    public long First;

    /// <summary>Quads from one row to the next.</summary>
    public long Stride;

    /// <summary>Rows and quads of the tile that exist.</summary>
    public int Rows, Quads;

    /// <summary>1 to add to what stands there, 0 to replace it.</summary>
    public int Accumulate;

    public readonly void Store(Octet sums, int row, int quad)
    {
        if (row >= Rows)
            return;
        long at = First + row * Stride + quad;
        if (quad < Quads)
            Store(Quad.Of(sums.A, sums.B, sums.C, sums.D), at);
        if (quad + 8 < Quads)
            Store(Quad.Of(sums.E, sums.F, sums.G, sums.H), at + 8);
    }

    private readonly void Store(Quad sums, long at)
    {
        if (Accumulate != 0)
        {
            Quad before = Y[at];
            sums = before.Plus(sums);
        }

        Y[at] = sums;
    }
}
