using System.Runtime.CompilerServices;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Matrix product with a stored weight for many rows: C[m, n] (+)= A[m, k]·W' or A·W. Bound by arithmetic. A is laid out
/// once in tiles of as many rows as fit the registers; a panel of the weight at a time is widened to F32 and laid out
/// in strips of two vectors (<see cref="WeightPanel{TSimd,TVector}"/>), which costs little when many rows share it. A
/// strip of 256 rows stays in the first cache while tiles stream past it. Items are blocks of output columns.
/// </summary>
internal readonly unsafe struct Gemm<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int ColumnsPerItem = 64;
    private const int DepthPerPanel = 256;
    private const int TilesPerBlock = 24;

    private readonly WorkerScratch _scratch;
    private readonly WeightTensor _weight;
    private readonly MatrixOperand _operand;
    private readonly float* _tiles;
    private readonly float* _c;
    private readonly int _rows;
    private readonly int _depth;
    private readonly int _columns;
    private readonly bool _accumulate;

    private Gemm(
        WorkerScratch scratch, float* tiles, int rows, WeightTensor weight, MatrixOperand operand, float* c, bool accumulate)
    {
        _scratch = scratch;
        _tiles = tiles;
        _rows = rows;
        _weight = weight;
        _operand = operand;
        _c = c;
        _accumulate = accumulate;
        (_columns, _depth) = operand == MatrixOperand.Transposed
            ? (weight.Rows, weight.Columns)
            : (weight.Columns, weight.Rows);
    }

    /// <summary>Computes C[rows, n] (+)= A[rows, k] · W' (or W), A and C dense row-major.</summary>
    public static void Multiply(
        WorkerPool pool, WorkerScratch scratch, float* a, int rows, WeightTensor weight, MatrixOperand operand, float* c,
        bool accumulate)
    {
        int depth = operand == MatrixOperand.Transposed ? weight.Columns : weight.Rows;
        RowTiles<TSimd, TVector> tiles = new(a, rows, depth, scratch);
        pool.Run(ref tiles, tiles.Items);
        Gemm<TSimd, TVector> product = new(scratch, tiles.Tiles, rows, weight, operand, c, accumulate);
        pool.Run(ref product, (product._columns + ColumnsPerItem - 1) / ColumnsPerItem);
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        int strip = RegisterTile<TSimd, TVector>.Columns, tileRows = RegisterTile<TSimd, TVector>.Rows;
        int firstColumn = index * ColumnsPerItem;
        int columns = Math.Min(ColumnsPerItem, _columns - firstColumn);
        int tiles = (_rows + tileRows - 1) / tileRows;
        int panelSize = DepthPerPanel * (ColumnsPerItem + strip);
        float* panel = _scratch.Floats(
            worker, panelSize + strip * tileRows + WeightPanel<TSimd, TVector>.LineFloats(DepthPerPanel));
        float* edge = panel + panelSize;
        float* lines = edge + strip * tileRows;
        for (int firstDepth = 0; firstDepth < _depth; firstDepth += DepthPerPanel)
        {
            int depth = Math.Min(DepthPerPanel, _depth - firstDepth);
            bool accumulate = _accumulate || firstDepth > 0;
            WeightPanel<TSimd, TVector>.Pack(_weight, _operand, firstColumn, columns, firstDepth, depth, panel, lines);
            for (int firstTile = 0; firstTile < tiles; firstTile += TilesPerBlock)
            {
                int lastTile = Math.Min(firstTile + TilesPerBlock, tiles);
                for (int column = 0; column < columns; column += strip)
                {
                    float* b = panel + (nint)column * depth;
                    float* c = _c + firstColumn + column;
                    for (int tile = firstTile; tile < lastTile; tile++)
                    {
                        float* a = _tiles + ((nint)tile * _depth + firstDepth) * tileRows;
                        int row = tile * tileRows;
                        if (column + strip <= columns && row + tileRows <= _rows)
                        {
                            RegisterTile<TSimd, TVector>.Multiply(a, b, c + (nint)row * _columns, _columns, depth, accumulate);
                        }
                        else
                        {
                            RegisterTile<TSimd, TVector>.Multiply(a, b, edge, strip, depth, accumulate: false);
                            CopyEdge(edge, strip, c + (nint)row * _columns, Math.Min(tileRows, _rows - row),
                                Math.Min(strip, columns - column), accumulate);
                        }
                    }
                }
            }
        }
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
