using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Lays the rows of A out panel by panel of <see cref="WeightPanel.Depth"/>, within it in tiles of
/// <see cref="RegisterTile{TSimd,TVector}.Rows"/>, each [depth of the panel, rows of the tile]: what a panel's products
/// read is one stream, instead of rows or tiles that lie a power of two apart and push each other out of the caches. Rows past the
/// end are zero. Items are tiles.
/// </summary>
internal readonly unsafe struct RowTiles<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly float* _a;
    private readonly int _rows;
    private readonly int _depth;
    private readonly float* _tiles;

    public RowTiles(float* a, int rows, int depth, WorkerScratch scratch)
    {
        _a = a;
        _rows = rows;
        _depth = depth;
        Items = (rows + TileRows - 1) / TileRows;
        _tiles = scratch.Shared((long)Items * TileRows * depth);
    }

    /// <summary>Number of items.</summary>
    public int Items { get; }

    private static int TileRows
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RegisterTile<TSimd, TVector>.Rows;
    }

    private int Panels => (_depth + WeightPanel.Depth - 1) / WeightPanel.Depth;

    /// <summary>A tile's share of the panel that starts at some depth, [depth of the panel, rows of the tile].</summary>
    public float* Tile(int tile, int firstDepth)
    {
        int depth = Math.Min(WeightPanel.Depth, _depth - firstDepth);
        return _tiles + ((nint)firstDepth * Items + (nint)tile * depth) * TileRows;
    }

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        int rows = Math.Min(TileRows, _rows - index * TileRows);
        for (int panel = 0; panel < Panels; panel++)
        {
            int first = panel * WeightPanel.Depth, depth = Math.Min(WeightPanel.Depth, _depth - first);
            float* tile = Tile(index, first);
            if (rows < TileRows)
                new Span<float>(tile, depth * TileRows).Clear();
            for (int row = 0; row < rows; row++)
                Scatter(_a + (nint)(index * TileRows + row) * _depth + first, depth, tile + row);
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
