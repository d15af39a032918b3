using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MoA.Engine.Kernels;

/// <summary>Exchanges the rows and columns of a matrix of floats.</summary>
internal static unsafe class Transposition
{
    /// <summary>to[column][row] = from[row][column]·scale.</summary>
    /// <param name="from">[rows, columns].</param>
    /// <param name="fromStride">Floats from row to row of <paramref name="from"/>.</param>
    /// <param name="to">[columns, rows].</param>
    /// <param name="toStride">Floats from row to row of <paramref name="to"/>.</param>
    /// <param name="rows">Rows of <paramref name="from"/>.</param>
    /// <param name="columns">Columns of <paramref name="from"/>.</param>
    /// <param name="scale">Factor of all elements.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* from, nint fromStride, float* to, nint toStride, int rows, int columns, float scale)
    {
        int row = 0;
        for (; row <= rows - 4; row += 4)
        {
            float* from0 = from + row * fromStride, from1 = from0 + fromStride, from2 = from1 + fromStride;
            float* from3 = from2 + fromStride, line = to + row;
            Vector128<float> factor = Vector128.Create(scale);
            for (int column = 0; column < columns; column++, line += toStride)
                (Vector128.Create(from0[column], from1[column], from2[column], from3[column]) * factor).Store(line);
        }

        for (; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
                to[column * toStride + row] = from[row * fromStride + column] * scale;
        }
    }
}
