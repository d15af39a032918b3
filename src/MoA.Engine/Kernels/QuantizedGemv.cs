using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Product of a quantised weight with few quantised rows, C[m, n] (+)= A[m, k]·W': integer products within a group,
/// scaled and added up in floats. Four weight rows by one row of A, or one by four, at a time: what is loaded or unpacked
/// serves several products, and independent sums hide the latency of each other's additions.
/// </summary>
internal static unsafe class QuantizedGemv
{
    private const int RowsAtOnce = 4;

    /// <summary>Computes columns <paramref name="first"/> to <paramref name="last"/> − 1 of C.</summary>
    public static void Multiply<TKernel>(
        in QuantizedRows a, int rows, WeightTensor weight, int first, int last, float* c, bool accumulate)
        where TKernel : IKernel
    {
        float* sums = stackalloc float[RowsAtOnce];
        for (int n = first; n < last; n += RowsAtOnce)
        {
            int columns = Math.Min(RowsAtOnce, last - n);
            int m = 0;
            for (; m <= rows - RowsAtOnce; m += RowsAtOnce)
            {
                for (int j = 0; j < columns; j++)
                {
                    TKernel.OneByFour(weight.Row(n + j), a, m, sums);
                    for (int i = 0; i < RowsAtOnce; i++)
                        Store(c + (nint)(m + i) * weight.Rows + n + j, sums[i], accumulate);
                }
            }

            for (; m < rows; m++)
            {
                // Past the end the last row is multiplied again, and the product is not used.
                TKernel.FourByOne(weight.Row(n), weight.Row(n + Math.Min(1, columns - 1)),
                    weight.Row(n + Math.Min(2, columns - 1)), weight.Row(n + columns - 1), a, m, sums);
                for (int j = 0; j < columns; j++)
                    Store(c + (nint)m * weight.Rows + n + j, sums[j], accumulate);
            }
        }
    }

    private static void Store(float* c, float sum, bool accumulate) => *c = accumulate ? *c + sum : sum;

    /// <summary>The inner loops for a format.</summary>
    internal interface IKernel
    {
        /// <summary>Four weight rows by row <paramref name="row"/> of A.</summary>
        static abstract void FourByOne(byte* w0, byte* w1, byte* w2, byte* w3, in QuantizedRows a, int row, float* sums);

        /// <summary>A weight row by four rows of A from <paramref name="row"/> on.</summary>
        static abstract void OneByFour(byte* w, in QuantizedRows a, int row, float* sums);
    }
}
