using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Lays the rows of A out in tiles of <see cref="RegisterTile{TSimd,TVector}.Rows"/>, each [depth, rows of the tile], so
/// that a matrix product reads one short stream instead of rows that lie a power of two apart and push each other out
/// of the caches. Rows past the end are zero. Items are tiles.
/// </summary>
internal readonly unsafe struct RowTiles<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly float* _a;
    private readonly int _rows;
    private readonly int _depth;

    public RowTiles(float* a, int rows, int depth, WorkerScratch scratch)
    {
        _a = a;
        _rows = rows;
        _depth = depth;
        Items = (rows + RegisterTile<TSimd, TVector>.Rows - 1) / RegisterTile<TSimd, TVector>.Rows;
        Tiles = scratch.Shared((long)Items * RegisterTile<TSimd, TVector>.Rows * depth);
    }

    /// <summary>Number of items.</summary>
    public int Items { get; }

    /// <summary>[items, depth, rows of a tile].</summary>
    public float* Tiles { get; }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        int tileRows = RegisterTile<TSimd, TVector>.Rows;
        float* tile = Tiles + (nint)index * _depth * tileRows;
        int first = index * tileRows;
        int row = 0;
        for (; row < tileRows && first + row < _rows; row++)
        {
            float* from = _a + (nint)(first + row) * _depth;
            float* to = tile + row;
            for (nint k = 0; k < _depth; k++, to += tileRows)
                *to = from[k];
        }

        for (; row < tileRows; row++)
        {
            float* to = tile + row;
            for (nint k = 0; k < _depth; k++, to += tileRows)
                *to = 0;
        }
    }
}
