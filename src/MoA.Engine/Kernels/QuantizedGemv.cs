using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Product of a quantised weight with few quantised rows, C[m, n] (+)= A[m, k]·W': integer products within a group,
/// scaled and added up in floats. Four weight rows by one row of A, or two by four, at a time: loads are shared, and
/// independent sums hide the latency of each other's additions.
/// </summary>
internal static unsafe class QuantizedGemv
{
    private const int WeightRows = 4;
    private const int InputRows = 4;

    /// <summary>Computes columns <paramref name="first"/> to <paramref name="last"/> − 1 of C.</summary>
    public static void Multiply<TKernel>(
        in QuantizedRows a, int rows, WeightTensor weight, int first, int last, float* c, bool accumulate)
        where TKernel : IKernel
    {
        float* sums = stackalloc float[InputRows * WeightRows];
        for (int n = first; n < last; n += WeightRows)
        {
            // Past the end the last row is multiplied again, and the product is not used.
            int columns = Math.Min(WeightRows, last - n);
            byte* w0 = weight.Row(n), w1 = weight.Row(n + Math.Min(1, columns - 1));
            byte* w2 = weight.Row(n + Math.Min(2, columns - 1)), w3 = weight.Row(n + columns - 1);
            for (int m = 0; m < rows;)
            {
                int count = rows - m >= InputRows ? InputRows : 1;
                if (count == InputRows)
                {
                    TKernel.TwoByFour(w0, w1, a, m, sums, WeightRows);
                    TKernel.TwoByFour(w2, w3, a, m, sums + 2, WeightRows);
                }
                else
                {
                    TKernel.FourByOne(w0, w1, w2, w3, a, m, sums);
                }

                for (int i = 0; i < count; i++, m++)
                {
                    float* to = c + (nint)m * weight.Rows + n;
                    for (int j = 0; j < columns; j++)
                        to[j] = (accumulate ? to[j] : 0) + sums[i * WeightRows + j];
                }
            }
        }
    }

    /// <summary>The inner loops for a format.</summary>
    internal interface IKernel
    {
        /// <summary>Four weight rows by row <paramref name="row"/> of A.</summary>
        static abstract void FourByOne(byte* w0, byte* w1, byte* w2, byte* w3, in QuantizedRows a, int row, float* sums);

        /// <summary>Two weight rows by four rows of A, whose pairs of sums stand <paramref name="stride"/> apart.</summary>
        static abstract void TwoByFour(byte* w0, byte* w1, in QuantizedRows a, int row, float* sums, int stride);
    }
}
