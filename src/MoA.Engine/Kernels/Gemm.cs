using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Matrix product with a stored weight for many rows: C[m, n] (+)= A[m, k]·W' or A·W. Bound by arithmetic. A is laid out
/// once in tiles of as many rows as fit the registers; a panel of the weight at a time is widened to floats, or to pairs
/// of integers, and laid out in strips of two vectors (<see cref="WeightPanel{TSimd,TVector}"/>), which costs little when
/// many rows share it. A strip of a panel stays in the first cache while tiles stream past it. Items are blocks of output
/// columns.
/// </summary>
internal readonly unsafe struct Gemm<TSimd, TVector, TProduct> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
    where TProduct : IProduct
{
    // A panel of many columns reads A fewer times, but there should be items for many threads.
    private const int LeastColumns = 64, MostColumns = 256, LeastItems = 16;
    private const int TilesPerBlock = 24;

    private readonly WorkerScratch _scratch;
    private readonly WeightTensor _weight;
    private readonly MatrixOperand _operand;
    private readonly RowTiles<TSimd, TVector, TProduct> _tiles;
    private readonly float* _c;
    private readonly int _rows;
    private readonly int _depth;
    private readonly int _columns;
    private readonly int _columnsPerItem;
    private readonly bool _accumulate;

    private Gemm(
        WorkerScratch scratch, RowTiles<TSimd, TVector, TProduct> tiles, int rows, WeightTensor weight, MatrixOperand operand, float* c, bool accumulate)
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
        _columnsPerItem = Math.Clamp(_columns / LeastItems / LeastColumns * LeastColumns, LeastColumns, MostColumns);
    }

    /// <summary>Computes C[rows, n] (+)= A[rows, k] · W' (or W), A and C dense row-major.</summary>
    public static void Multiply(
        WorkerPool pool, WorkerScratch scratch, float* a, int rows, WeightTensor weight, MatrixOperand operand, float* c,
        bool accumulate)
    {
        int depth = operand == MatrixOperand.Transposed ? weight.Columns : weight.Rows;
        RowTiles<TSimd, TVector, TProduct> tiles = new(a, rows, depth, scratch);
        pool.Run(ref tiles, tiles.Items);
        Gemm<TSimd, TVector, TProduct> product = new(scratch, tiles, rows, weight, operand, c, accumulate);
        pool.Run(ref product, (product._columns + product._columnsPerItem - 1) / product._columnsPerItem);
    }

    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        int strip = RegisterTile<TSimd, TVector, TProduct>.Columns, tileRows = RegisterTile<TSimd, TVector, TProduct>.Rows;
        int firstColumn = index * _columnsPerItem;
        int columns = Math.Min(_columnsPerItem, _columns - firstColumn);
        int tiles = (_rows + tileRows - 1) / tileRows;
        int panelSize = WeightPanel.Depth * (_columnsPerItem + strip);
        float* panel = _scratch.Floats(
            worker, panelSize + _columnsPerItem + strip + strip * tileRows + WeightPanel<TSimd, TVector>.LineFloats);
        float* scales = panel + panelSize;
        float* edge = scales + _columnsPerItem + strip;
        float* lines = edge + strip * tileRows;
        for (int firstDepth = 0; firstDepth < _depth; firstDepth += WeightPanel.Depth)
        {
            int depth = Math.Min(WeightPanel.Depth, _depth - firstDepth);
            if (TProduct.IsInteger)
                WeightPanel<TSimd, TVector>.PackPairs(_weight, firstColumn, columns, firstDepth, depth, panel, scales, lines);
            else
                WeightPanel<TSimd, TVector>.Pack(_weight, _operand, firstColumn, columns, firstDepth, depth, panel, lines);
            int length = TProduct.IsInteger ? depth / 2 : depth;
            for (int firstTile = 0; firstTile < tiles; firstTile += TilesPerBlock)
            {
                int lastTile = Math.Min(firstTile + TilesPerBlock, tiles);
                for (int column = 0; column < columns; column += strip)
                {
                    for (int tile = firstTile; tile < lastTile; tile++)
                    {
                        TileScales tileScales = new(_tiles.Scales(tile, firstDepth / WeightPanel.Depth), scales + column);
                        MultiplyTile(tile, firstDepth, length, panel + (nint)column * length, firstColumn + column,
                            Math.Min(strip, columns - column), tileScales, edge);
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void MultiplyTile(
        int tile, int firstDepth, int length, float* b, int column, int columns, TileScales scales, float* edge)
    {
        int strip = RegisterTile<TSimd, TVector, TProduct>.Columns, tileRows = RegisterTile<TSimd, TVector, TProduct>.Rows;
        bool accumulate = _accumulate || firstDepth > 0;
        float* a = _tiles.Tile(tile, firstDepth);
        int row = tile * tileRows;
        float* c = _c + (nint)row * _columns + column;
        if (columns == strip && row + tileRows <= _rows)
        {
            RegisterTile<TSimd, TVector, TProduct>.Multiply(a, b, c, _columns, length, scales, accumulate);
            return;
        }

        RegisterTile<TSimd, TVector, TProduct>.Multiply(a, b, edge, strip, length, scales, accumulate: false);
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

/// <summary>Chooses the kind of products.</summary>
internal static unsafe class Gemm<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Computes C[rows, n] (+)= A[rows, k] · W' (or W), A and C dense row-major.</summary>
    public static void Multiply(
        WorkerPool pool, WorkerScratch scratch, float* a, int rows, WeightTensor weight, MatrixOperand operand, float* c,
        bool accumulate)
    {
        // One number at a time is the definition, in floats.
        if (weight.Type.IsQuantized() && operand == MatrixOperand.Transposed && TSimd.Width > 1)
            Gemm<TSimd, TVector, PairProduct>.Multiply(pool, scratch, a, rows, weight, operand, c, accumulate);
        else
            Gemm<TSimd, TVector, FloatProduct>.Multiply(pool, scratch, a, rows, weight, operand, c, accumulate);
    }
}
