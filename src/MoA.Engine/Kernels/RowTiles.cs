using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Lays the rows of A out panel by panel of <see cref="WeightPanel.Depth"/>, within it in tiles of
/// <see cref="RegisterTile{TSimd,TVector,TProduct}.Rows"/>, each [depth of the panel, rows of the tile]: what a panel's products
/// read is one stream, instead of rows or tiles that lie a power of two apart and push each other out of the caches. For
/// integer products an element of a tile is a pair of 16-bit integers, and every panel of a row has a scale. Rows past the
/// end are zero. Items are tiles.
/// </summary>
internal readonly unsafe struct RowTiles<TSimd, TVector, TProduct> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TProduct : IProduct
{
    private readonly float* _a;
    private readonly int _rows;
    private readonly int _depth;
    private readonly float* _tiles;
    private readonly float* _scales;

    public RowTiles(float* a, int rows, int depth, WorkerScratch scratch)
    {
        _a = a;
        _rows = rows;
        _depth = depth;
        Items = (rows + TileRows - 1) / TileRows;
        long scales = TProduct.IsInteger ? (long)Items * TileRows * Panels : 0;
        _scales = scratch.Shared(scales + (long)Items * TileRows * (TProduct.IsInteger ? depth / 2 : depth));
        _tiles = _scales + scales;
    }

    /// <summary>Number of items.</summary>
    public int Items { get; }

    private static int TileRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RegisterTile<TSimd, TVector, TProduct>.Rows;
    }

    private int Panels => (_depth + WeightPanel.Depth - 1) / WeightPanel.Depth;

    /// <summary>A tile's share of the panel that starts at some depth, [depth of the panel, rows of the tile].</summary>
    public float* Tile(int tile, int firstDepth)
    {
        int depth = Math.Min(WeightPanel.Depth, _depth - firstDepth);
        nint element = (nint)firstDepth * Items + (nint)tile * depth;
        return _tiles + (TProduct.IsInteger ? element / 2 : element) * TileRows;
    }

    /// <summary>The scales of a tile's rows in a panel.</summary>
    public float* Scales(int tile, int panel) => _scales + ((nint)tile * Panels + panel) * TileRows;

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        short* quants = stackalloc short[WeightPanel.Depth];
        int rows = Math.Min(TileRows, _rows - index * TileRows);
        for (int panel = 0; panel < Panels; panel++)
        {
            int first = panel * WeightPanel.Depth, depth = Math.Min(WeightPanel.Depth, _depth - first);
            int length = TProduct.IsInteger ? depth / 2 : depth;
            float* tile = Tile(index, first);
            if (rows < TileRows)
                new Span<float>(tile, length * TileRows).Clear();
            if (TProduct.IsInteger)
                new Span<float>(Scales(index, panel), TileRows).Clear();
            for (int row = 0; row < rows; row++)
            {
                float* from = _a + (nint)(index * TileRows + row) * _depth + first;
                if (TProduct.IsInteger)
                {
                    Scales(index, panel)[row] = ShortRow.Quantize(from, depth, PairProduct.LargestInput, quants);
                    from = (float*)quants;
                }

                Scatter(from, length, tile + row);
            }
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private static void Scatter(float* from, int count, float* to)
    {
        int stride = TileRows;
        for (nint k = 0; k < count; k++, to += stride)
            *to = from[k];
    }
}
