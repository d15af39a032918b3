using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Matrix product of the backward direction, C[m, n] (+)= A[m, k]·W with a weight stored [k, n]. Bound by arithmetic. A is laid out
/// once in tiles of as many rows as fit the registers; a panel of the weight at a time is widened to floats and laid out in
/// strips of two vectors (<see cref="WeightPanel{TSimd,TVector}"/>), which costs little when many rows share it. A strip of a panel stays in the first cache while tiles stream past it. Items are blocks of output
/// columns.
/// </summary>
internal readonly unsafe struct Gemm<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    // A panel of many columns reads A fewer times, but there should be items for many threads.
    private const int LeastColumns = 64, MostColumns = 256, LeastItems = 16;
    private const int TilesPerBlock = 24;

    private readonly WorkerScratch _scratch;
    private readonly WeightTensor _weight;
    private readonly RowTiles<TSimd, TVector> _tiles;
    private readonly float* _c;
    private readonly int _rows;
    private readonly int _depth;
    private readonly int _columns;
    private readonly int _columnsPerItem;
    private readonly bool _accumulate;

    private Gemm(
        WorkerScratch scratch, RowTiles<TSimd, TVector> tiles, int rows, WeightTensor weight, float* c, bool accumulate)
    {
        _scratch = scratch;
        _tiles = tiles;
        _rows = rows;
        _weight = weight;
        _c = c;
        _accumulate = accumulate;
        (_columns, _depth) = (weight.Columns, weight.Rows);
        _columnsPerItem = Math.Clamp(_columns / LeastItems / LeastColumns * LeastColumns, LeastColumns, MostColumns);
    }

    /// <summary>Computes C[rows, n] (+)= A[rows, k] · W, A and C dense row-major.</summary>
    public static void Multiply(
        WorkerPool pool, WorkerScratch scratch, float* a, int rows, WeightTensor weight, float* c, bool accumulate)
    {
        RowTiles<TSimd, TVector> tiles = new(a, rows, weight.Rows, scratch);
        pool.Run(ref tiles, tiles.Items);
        Gemm<TSimd, TVector> product = new(scratch, tiles, rows, weight, c, accumulate);
        pool.Run(ref product, (product._columns + product._columnsPerItem - 1) / product._columnsPerItem);
    }

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        int strip = RegisterTile<TSimd, TVector>.Columns, tileRows = RegisterTile<TSimd, TVector>.Rows;
        int firstColumn = index * _columnsPerItem;
        int columns = Math.Min(_columnsPerItem, _columns - firstColumn);
        int tiles = (_rows + tileRows - 1) / tileRows;
        int panelSize = WeightPanel.Depth * (_columnsPerItem + strip);
        float* panel = _scratch.Floats(worker, panelSize + strip * tileRows + WeightPanel.LineFloats);
        float* edge = panel + panelSize;
        float* line = edge + strip * tileRows;
        for (int firstDepth = 0; firstDepth < _depth; firstDepth += WeightPanel.Depth)
        {
            int depth = Math.Min(WeightPanel.Depth, _depth - firstDepth);
            WeightPanel<TSimd, TVector>.Pack(_weight, firstColumn, columns, firstDepth, depth, panel, line);
            for (int firstTile = 0; firstTile < tiles; firstTile += TilesPerBlock)
            {
                int lastTile = Math.Min(firstTile + TilesPerBlock, tiles);
                for (int column = 0; column < columns; column += strip)
                {
                    for (int tile = firstTile; tile < lastTile; tile++)
                    {
                        MultiplyTile(tile, firstDepth, depth, panel + (nint)column * depth, firstColumn + column,
                            Math.Min(strip, columns - column), edge);
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void MultiplyTile(
        int tile, int firstDepth, int depth, float* b, int column, int columns, float* edge)
    {
        int strip = RegisterTile<TSimd, TVector>.Columns, tileRows = RegisterTile<TSimd, TVector>.Rows;
        bool accumulate = _accumulate || firstDepth > 0;
        float* a = _tiles.Tile(tile, firstDepth);
        int row = tile * tileRows;
        float* c = _c + (nint)row * _columns + column;
        if (columns == strip && row + tileRows <= _rows)
        {
            RegisterTile<TSimd, TVector>.Multiply(a, b, c, _columns, depth, accumulate);
            return;
        }

        RegisterTile<TSimd, TVector>.Multiply(a, b, edge, strip, depth, accumulate: false);
        CopyEdge(edge, strip, c, Math.Min(tileRows, _rows - row), columns, accumulate);
    }

    private void CopyEdge(float* edge, int strip, float* c, int rows, int columns, bool accumulate)
    {
        for (nint row = 0; row < rows; row++)
        {
            for (int j = 0; j < columns; j++)
            {
                float value = edge[row * strip + j];
                c[row * _columns + j] = accumulate ? c[row * _columns + j] + value : value;
            }
        }
    }
}
