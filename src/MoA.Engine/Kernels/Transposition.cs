using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Exchanges the rows and columns of a matrix of floats.</summary>
internal static unsafe class Transposition
{
    /// <summary>
    /// to[column][row] = from[row][column]·scale, in squares of four. The matrix whose rows lie further apart is walked
    /// along its rows: many rows a large power of two apart would contend for the same lines of the first cache.
    /// </summary>
    /// <param name="from">[rows, columns].</param>
    /// <param name="fromStride">Floats from row to row of <paramref name="from"/>.</param>
    /// <param name="to">[columns, rows].</param>
    /// <param name="toStride">Floats from row to row of <paramref name="to"/>.</param>
    /// <param name="rows">Rows of <paramref name="from"/>.</param>
    /// <param name="columns">Columns of <paramref name="from"/>.</param>
    /// <param name="scale">Factor of all elements.</param>
    [MethodImpl(JitOptions.Loop)]
    public static void Run(float* from, nint fromStride, float* to, nint toStride, int rows, int columns, float scale)
    {
        int wholeRows = rows / 4 * 4, wholeColumns = columns / 4 * 4;
        if (fromStride > toStride)
        {
            for (int row = 0; row < wholeRows; row += 4)
            {
                for (int column = 0; column < wholeColumns; column += 4)
                    Square(from + row * fromStride + column, fromStride, to + column * toStride + row, toStride, scale);
            }
        }
        else
        {
            for (int column = 0; column < wholeColumns; column += 4)
            {
                for (int row = 0; row < wholeRows; row += 4)
                    Square(from + row * fromStride + column, fromStride, to + column * toStride + row, toStride, scale);
            }
        }

        for (int row = 0; row < rows; row++)
        {
            for (int column = row < wholeRows ? wholeColumns : 0; column < columns; column++)
                to[column * toStride + row] = from[row * fromStride + column] * scale;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Square(float* from, nint fromStride, float* to, nint toStride, float scale)
    {
        float* from1 = from + fromStride, from2 = from1 + fromStride, from3 = from2 + fromStride;
        Vector128<float> factor = Vector128.Create(scale);
        for (int i = 0; i < 4; i++, to += toStride)
            (Vector128.Create(from[i], from1[i], from2[i], from3[i]) * factor).Store(to);
    }
}
