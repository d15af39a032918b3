using System.Runtime.CompilerServices;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Matrix product with a stored weight for many rows: C[m, n] (+)= A[m, k]·W' or A·W. A panel of the weight at a time is
/// widened to F32 and laid out for <see cref="MicroKernel{TSimd,TVector}"/> in the worker's scratch memory; the cost is
/// shared by all rows of A. Items are blocks of output columns.
/// </summary>
internal readonly unsafe struct Gemm<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int ColumnsPerItem = 64;
    private const int DepthPerPanel = 512;

    private readonly WorkerScratch _scratch;
    private readonly WeightTensor _weight;
    private readonly MatrixOperand _operand;
    private readonly float* _a;
    private readonly float* _c;
    private readonly int _rows;
    private readonly int _depth;
    private readonly int _columns;
    private readonly bool _accumulate;

    /// <summary>Describes C[rows, n] (+)= A[rows, k] · W' (or W), A and C dense row-major.</summary>
    public Gemm(
        WorkerScratch scratch, float* a, int rows, WeightTensor weight, MatrixOperand operand, float* c, bool accumulate)
    {
        _scratch = scratch;
        _weight = weight;
        _operand = operand;
        _a = a;
        _c = c;
        _rows = rows;
        _accumulate = accumulate;
        (_columns, _depth) = operand == MatrixOperand.Transposed
            ? (weight.Rows, weight.Columns)
            : (weight.Columns, weight.Rows);
    }

    /// <summary>Number of items.</summary>
    public int Items => (_columns + ColumnsPerItem - 1) / ColumnsPerItem;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        int tile = MicroKernel<TSimd, TVector>.Columns;
        int firstColumn = index * ColumnsPerItem;
        int columns = Math.Min(ColumnsPerItem, _columns - firstColumn);
        int paddedColumns = (columns + tile - 1) / tile * tile;
        float* panel = _scratch.Floats(worker, DepthPerPanel * (ColumnsPerItem + tile) + _rows * tile);
        float* edge = panel + DepthPerPanel * (ColumnsPerItem + tile);
        for (int firstDepth = 0; firstDepth < _depth; firstDepth += DepthPerPanel)
        {
            int depth = Math.Min(DepthPerPanel, _depth - firstDepth);
            bool accumulate = _accumulate || firstDepth > 0;
            Pack(panel, firstColumn, columns, paddedColumns, firstDepth, depth, tile);
            for (int column = 0; column < columns; column += tile)
            {
                float* b = panel + (nint)column * depth;
                float* c = _c + firstColumn + column;
                if (column + tile <= columns)
                {
                    MicroKernel<TSimd, TVector>.Multiply(
                        _a + firstDepth, _depth, b, tile, c, _columns, _rows, depth, accumulate);
                }
                else
                {
                    MicroKernel<TSimd, TVector>.Multiply(
                        _a + firstDepth, _depth, b, tile, edge, tile, _rows, depth, accumulate: false);
                    CopyEdge(edge, c, columns - column, tile, accumulate);
                }
            }
        }
    }

    private void CopyEdge(float* edge, float* c, int columns, int tile, bool accumulate)
    {
        for (nint row = 0; row < _rows; row++)
        {
            for (int j = 0; j < columns; j++)
            {
                float value = edge[row * tile + j];
                c[row * _columns + j] = accumulate ? c[row * _columns + j] + value : value;
            }
        }
    }

    // Panel layout: strips of `tile` columns, each [depth, tile]; columns past the edge are zero.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Pack(
        float* panel, int firstColumn, int columns, int paddedColumns, int firstDepth, int depth, int tile)
    {
        int size = _weight.Type.BytesPerBlock();
        byte* data = (byte*)_weight.Data;
        float* line = stackalloc float[DepthPerPanel];
        if (_operand == MatrixOperand.AsStored)
        {
            for (int d = 0; d < depth; d++)
            {
                byte* row = data + ((nint)(firstDepth + d) * _columns + firstColumn) * size;
                NumberFormat<TSimd, TVector>.Widen(_weight.Type, row, line, columns);
                for (int j = columns; j < paddedColumns; j++)
                    line[j] = 0;
                for (int j = 0; j < paddedColumns; j += tile)
                    Buffer.MemoryCopy(line + j, panel + (nint)j * depth + (nint)d * tile, tile * 4, tile * 4);
            }

            return;
        }

        for (int j = 0; j < paddedColumns; j++)
        {
            float* strip = panel + (nint)(j / tile * tile) * depth + j % tile;
            if (j < columns)
            {
                byte* row = data + ((nint)(firstColumn + j) * _depth + firstDepth) * size;
                NumberFormat<TSimd, TVector>.Widen(_weight.Type, row, line, depth);
                for (int d = 0; d < depth; d++)
                    strip[(nint)d * tile] = line[d];
            }
            else
            {
                for (int d = 0; d < depth; d++)
                    strip[(nint)d * tile] = 0;
            }
        }
    }
}
