using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Lays the rows of A out in tiles of <see cref="RegisterTile{TSimd,TVector,TProduct}.Rows"/>, each [depth, rows of the
/// tile], so that a matrix product reads one short stream instead of rows that lie a power of two apart and push each
/// other out of the caches. For integer products an element of a tile is a pair of 16-bit integers, and every panel of a
/// row has a scale. Rows past the end are zero. Items are tiles.
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
        _scales = scratch.Shared(scales + (long)Items * TileRows * Length);
        _tiles = _scales + scales;
    }

    /// <summary>Number of items.</summary>
    public int Items { get; }

    private static int TileRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RegisterTile<TSimd, TVector, TProduct>.Rows;
    }

    // Elements of a row: floats, or pairs of integers.
    private int Length => TProduct.IsInteger ? _depth / 2 : _depth;

    private int Panels => (_depth + WeightPanel.Depth - 1) / WeightPanel.Depth;

    /// <summary>A tile from some depth on, [depth, rows of the tile].</summary>
    public float* Tile(int tile, int firstDepth) =>
        _tiles + ((nint)tile * Length + (TProduct.IsInteger ? firstDepth / 2 : firstDepth)) * TileRows;

    /// <summary>The scales of a tile's rows in a panel.</summary>
    public float* Scales(int tile, int panel) => _scales + ((nint)tile * Panels + panel) * TileRows;

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        int rows = Math.Min(TileRows, _rows - index * TileRows);
        if (rows < TileRows)
        {
            new Span<float>(Tile(index, 0), Length * TileRows).Clear();
            if (TProduct.IsInteger)
                new Span<float>(Scales(index, 0), Panels * TileRows).Clear();
        }

        for (int row = 0; row < rows; row++)
        {
            float* from = _a + (nint)(index * TileRows + row) * _depth;
            if (TProduct.IsInteger)
                WritePairs(index, row, from);
            else
                Scatter(from, _depth, Tile(index, 0) + row);
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private static void Scatter(float* from, int count, float* to)
    {
        int stride = TileRows;
        for (nint k = 0; k < count; k++, to += stride)
            *to = from[k];
    }

    private void WritePairs(int tile, int row, float* from)
    {
        short* quants = stackalloc short[WeightPanel.Depth];
        for (int panel = 0; panel < Panels; panel++)
        {
            int first = panel * WeightPanel.Depth, depth = Math.Min(WeightPanel.Depth, _depth - first);
            Scales(tile, panel)[row] = ShortRow.Quantize(from + first, depth, PairProduct.LargestInput, quants);
            Scatter((float*)quants, depth / 2, Tile(tile, first) + row);
        }
    }
}
