using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Product of a quantised weight with few quantised rows, C[m, n] (+)= A[m, k]·W': integer products within a group,
/// scaled and added up in floats. Two weight rows by one or four rows of A at a time: unpacked weights serve several rows
/// of A, and independent sums hide the latency of each other's additions.
/// </summary>
internal static unsafe class QuantizedGemv
{
    /// <summary>Most rows of A in one call of a kernel.</summary>
    public const int RowsAtOnce = 4;

    /// <summary>Computes columns <paramref name="first"/> to <paramref name="last"/> − 1 of C.</summary>
    public static void Multiply<TKernel>(
        in QuantizedRows a, int rows, WeightTensor weight, int first, int last, float* c, bool accumulate)
        where TKernel : IKernel
    {
        float* sums = stackalloc float[2 * RowsAtOnce];
        for (int n = first; n < last; n += 2)
        {
            byte* w0 = weight.Row(n);
            bool alone = n + 1 == last;
            byte* w1 = alone ? w0 : weight.Row(n + 1);
            for (int m = 0; m < rows;)
            {
                int count = rows - m >= RowsAtOnce ? RowsAtOnce : 1;
                if (count == RowsAtOnce)
                    TKernel.TwoByFour(w0, w1, a, m, sums);
                else
                    TKernel.TwoByOne(w0, w1, a, m, sums);
                for (int i = 0; i < count; i++, m++)
                {
                    float* to = c + (nint)m * weight.Rows + n;
                    to[0] = accumulate ? to[0] + sums[2 * i] : sums[2 * i];
                    if (!alone)
                        to[1] = accumulate ? to[1] + sums[2 * i + 1] : sums[2 * i + 1];
                }
            }
        }
    }

    /// <summary>The inner loops for a format. Sums are written for the first row of A with both weight rows, then the next.</summary>
    internal interface IKernel
    {
        static abstract void TwoByOne(byte* w0, byte* w1, in QuantizedRows a, int row, float* sums);

        static abstract void TwoByFour(byte* w0, byte* w1, in QuantizedRows a, int row, float* sums);
    }
}
