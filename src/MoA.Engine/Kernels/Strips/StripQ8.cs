using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Q8_0: eight quads, which are multiplied as pairs of 16-bit integers: the first and the third, the second and the fourth.
/// Activations are rounded to 16 bits as well: their error vanishes beside that of the weights, and costs nothing.
/// </summary>
internal readonly unsafe struct StripQ8 : IStripFormat
{
    private const int Largest = 32767;
    private const int Scale = 64;

    public static int CellColumns => 32;

    public static int QuadBytes => 32;

    public static int QuadsAt => 2;

    public static int FactorAt => 0;

    public static int GroupColumns => 32;

    public static int UnitBytes => Scale + sizeof(float);

    public static void Round(float* x, byte* unit)
    {
        short* quants = (short*)unit;
        *(float*)(unit + Scale) = ShortRow.Quantize(x, 32, Largest, quants);
        for (int i = 0; i < 32; i += 4)
            (quants[i + 1], quants[i + 2]) = (quants[i + 2], quants[i + 1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector scales = TSimd.LoadF16((ushort*)cell);
        float* quads = (float*)(cell + 2 * TSimd.Width);
        Split<TSimd, TVector>(quads, 0, out TVector w0, out TVector w1);
        Split<TSimd, TVector>(quads, 1, out TVector w2, out TVector w3);
        Split<TSimd, TVector>(quads, 2, out TVector w4, out TVector w5);
        Split<TSimd, TVector>(quads, 3, out TVector w6, out TVector w7);
        Split<TSimd, TVector>(quads, 4, out TVector w8, out TVector w9);
        Split<TSimd, TVector>(quads, 5, out TVector w10, out TVector w11);
        Split<TSimd, TVector>(quads, 6, out TVector w12, out TVector w13);
        Split<TSimd, TVector>(quads, 7, out TVector w14, out TVector w15);
        for (byte* end = units + rows * (Scale + 4); units < end; units += Scale + 4, sums += TSimd.Width)
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

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Split<TSimd, TVector>(float* quads, int index, out TVector even, out TVector odd)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.SplitInt8(TSimd.Load(quads + index * TSimd.Width), out even, out odd);
}
