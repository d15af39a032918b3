using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Q8_0: the scales of all lanes, then two bytes of each at a time, which are multiplied as 16-bit integers. Activations are
/// rounded to 16 bits as well: their error vanishes beside that of the weights, and costs nothing.
/// </summary>
internal readonly unsafe struct StripQ8 : IStripFormat
{
    private const int Largest = 32767;
    private const int Scale = 64;

    public static int CellColumns => 32;

    public static int CellBytes => BlockQ8.Bytes;

    public static int GroupColumns => 32;

    public static int UnitBytes => Scale + sizeof(float);

    public static int Factors => 0;

    public static void Round(float* x, byte* unit) => *(float*)(unit + Scale) = ShortRow.Quantize(x, 32, Largest, (short*)unit);

    public static void Interleave(byte* row, int columns, byte* cell, int lane, int lanes) =>
        InterleavedBlock.Pairs(row, 17, cell, lane, lanes);

    public static void ReadFactors<TSimd, TVector>(byte* cell, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddGroup<TSimd, TVector>(byte* cell, int group, float* factors, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector scales = TSimd.LoadF16((ushort*)cell);
        byte* quants = cell + 2 * TSimd.Width;
        TVector w0 = Pair<TSimd, TVector>(quants, 0), w1 = Pair<TSimd, TVector>(quants, 1);
        TVector w2 = Pair<TSimd, TVector>(quants, 2), w3 = Pair<TSimd, TVector>(quants, 3);
        TVector w4 = Pair<TSimd, TVector>(quants, 4), w5 = Pair<TSimd, TVector>(quants, 5);
        TVector w6 = Pair<TSimd, TVector>(quants, 6), w7 = Pair<TSimd, TVector>(quants, 7);
        TVector w8 = Pair<TSimd, TVector>(quants, 8), w9 = Pair<TSimd, TVector>(quants, 9);
        TVector w10 = Pair<TSimd, TVector>(quants, 10), w11 = Pair<TSimd, TVector>(quants, 11);
        TVector w12 = Pair<TSimd, TVector>(quants, 12), w13 = Pair<TSimd, TVector>(quants, 13);
        TVector w14 = Pair<TSimd, TVector>(quants, 14), w15 = Pair<TSimd, TVector>(quants, 15);
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
    private static TVector Pair<TSimd, TVector>(byte* quants, int index)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.LoadWidened(quants + 2 * TSimd.Width * index);
}
