using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Activations of a group as signed bytes, their scale, and the negative sum of what they stand for, by which offsets of
/// weights count. For weights of four to six bits, whose own rounding is many times coarser.
/// </summary>
internal static unsafe class ByteUnit
{
    private const int Factors = 2 * sizeof(float);
    private const int Long = 32, Short = 16;

    /// <summary>Bytes of a unit of so many columns.</summary>
    public static int Bytes(int columns) => columns + Factors;

    /// <summary>Rounds 16 or 32 floats.</summary>
    public static void Round(float* x, int columns, byte* unit)
    {
        float scale = ByteRow.Quantize(x, columns, (sbyte*)unit);
        int sum = 0;
        for (int i = 0; i < columns; i++)
            sum += ((sbyte*)unit)[i];
        float* factors = (float*)(unit + columns);
        factors[0] = scale;
        factors[1] = -scale * sum;
    }

    /// <summary>Adds the products of 32 columns with rows of units to sums: scale·(w·a) − offset·Σa.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<TSimd, TVector>(
        TVector w0, TVector w1, TVector w2, TVector w3, TVector w4, TVector w5, TVector w6, TVector w7, int bits,
        TVector scales, TVector offsets, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        for (byte* end = units + rows * (Long + Factors); units < end; units += Long + Factors, sums += TSimd.Width)
        {
            TVector products = TSimd.IntegersToFloats(TSimd.SumProducts(w0, w1, w2, w3, w4, w5, w6, w7, units, bits));
            AddScaled<TSimd, TVector>(products, scales, offsets, (float*)(units + Long), sums);
        }
    }

    /// <summary>Adds the products of 16 columns with rows of units to sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<TSimd, TVector>(
        TVector w0, TVector w1, TVector w2, TVector w3, int bits, TVector scales, TVector offsets, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        for (byte* end = units + rows * (Short + Factors); units < end; units += Short + Factors, sums += TSimd.Width)
        {
            TVector products = TSimd.IntegersToFloats(TSimd.SumProducts(w0, w1, w2, w3, units, bits));
            AddScaled<TSimd, TVector>(products, scales, offsets, (float*)(units + Short), sums);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddScaled<TSimd, TVector>(TVector products, TVector scales, TVector offsets, float* factors, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        TVector sum = TSimd.MultiplyAdd(TSimd.Multiply(products, TSimd.Broadcast(factors[0])), scales, TSimd.Load(sums));
        TSimd.Store(sums, TSimd.MultiplyAdd(TSimd.Broadcast(factors[1]), offsets, sum));
    }
}
