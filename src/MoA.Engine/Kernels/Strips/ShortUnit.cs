using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Activations of 32 columns as 16-bit integers, in pairs as signed bytes of a weight are widened: of every four the first and the
/// third, the second and the fourth; then their scale. For weights of signed bytes, whose products with bytes would overflow 16
/// bits: their rounding vanishes beside that of the weights, and costs nothing.
/// </summary>
internal static unsafe class ShortUnit
{
    /// <summary>Bytes of a unit.</summary>
    public const int Bytes = Scale + sizeof(float);

    private const int Largest = 32767;
    private const int Scale = 64;

    /// <summary>Rounds 32 floats.</summary>
    public static void Round(float* x, byte* unit)
    {
        short* quants = (short*)unit;
        *(float*)(unit + Scale) = ShortRow.Quantize(x, 32, Largest, quants);
        for (int i = 0; i < 32; i += 4)
            (quants[i + 1], quants[i + 2]) = (quants[i + 2], quants[i + 1]);
    }

    /// <summary>Adds the products of 32 columns, signed bytes, with rows of units to sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<TSimd, TVector>(
        TVector q0, TVector q1, TVector q2, TVector q3, TVector q4, TVector q5, TVector q6, TVector q7,
        TVector scales, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TSimd.SplitInt8(q0, out TVector w0, out TVector w1);
        TSimd.SplitInt8(q1, out TVector w2, out TVector w3);
        TSimd.SplitInt8(q2, out TVector w4, out TVector w5);
        TSimd.SplitInt8(q3, out TVector w6, out TVector w7);
        TSimd.SplitInt8(q4, out TVector w8, out TVector w9);
        TSimd.SplitInt8(q5, out TVector w10, out TVector w11);
        TSimd.SplitInt8(q6, out TVector w12, out TVector w13);
        TSimd.SplitInt8(q7, out TVector w14, out TVector w15);
        for (byte* end = units + rows * Bytes; units < end; units += Bytes, sums += TSimd.Width)
        {
            float* a = (float*)units;
            TVector s0 = TSimd.AddPairProducts(w0, TSimd.Broadcast(a[0]), TSimd.Zero);
            TVector s1 = TSimd.AddPairProducts(w1, TSimd.Broadcast(a[1]), TSimd.Zero);
            s0 = TSimd.AddPairProducts(w2, TSimd.Broadcast(a[2]), s0);
            s1 = TSimd.AddPairProducts(w3, TSimd.Broadcast(a[3]), s1);
            s0 = TSimd.AddPairProducts(w4, TSimd.Broadcast(a[4]), s0);
            s1 = TSimd.AddPairProducts(w5, TSimd.Broadcast(a[5]), s1);
            s0 = TSimd.AddPairProducts(w6, TSimd.Broadcast(a[6]), s0);
            s1 = TSimd.AddPairProducts(w7, TSimd.Broadcast(a[7]), s1);
            s0 = TSimd.AddPairProducts(w8, TSimd.Broadcast(a[8]), s0);
            s1 = TSimd.AddPairProducts(w9, TSimd.Broadcast(a[9]), s1);
            s0 = TSimd.AddPairProducts(w10, TSimd.Broadcast(a[10]), s0);
            s1 = TSimd.AddPairProducts(w11, TSimd.Broadcast(a[11]), s1);
            s0 = TSimd.AddPairProducts(w12, TSimd.Broadcast(a[12]), s0);
            s1 = TSimd.AddPairProducts(w13, TSimd.Broadcast(a[13]), s1);
            s0 = TSimd.AddPairProducts(w14, TSimd.Broadcast(a[14]), s0);
            s1 = TSimd.AddPairProducts(w15, TSimd.Broadcast(a[15]), s1);
            TVector products = TSimd.IntegersToFloats(TSimd.AddIntegers(s0, s1));
            TSimd.Store(sums, TSimd.MultiplyAdd(TSimd.Multiply(products, TSimd.Broadcast(a[16])), scales, TSimd.Load(sums)));
        }
    }
}
