using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels.Strips;

/// <summary>
/// Activations of a group as signed bytes, their scale, and the negative sum of what they stand for, by which offsets of
/// weights count. For weights of two to six bits, whose own rounding is many times coarser.
/// </summary>
internal static unsafe class ByteUnit
{
    /// <summary>Bytes of a unit of 32 columns.</summary>
    public const int Bytes = Columns + 2 * sizeof(float);

    /// <summary>Bytes of a unit of twice 16 columns.</summary>
    public const int BytesOfHalves = Columns + 4 * sizeof(float);

    private const int Columns = 32, Half = Columns / 2;

    /// <summary>Rounds 32 floats.</summary>
    public static void Round(float* x, byte* unit) => Round(x, Columns, unit, unit + Columns);

    /// <summary>Rounds twice 16 floats, each with a scale of its own.</summary>
    public static void RoundHalves(float* x, byte* unit)
    {
        Round(x, Half, unit, unit + Columns);
        Round(x + Half, Half, unit + Half, unit + Columns + 2 * sizeof(float));
    }

    private static void Round(float* x, int columns, byte* bytes, byte* factors)
    {
        float scale = ByteRow.Quantize(x, columns, (sbyte*)bytes);
        int sum = 0;
        for (int i = 0; i < columns; i++)
            sum += ((sbyte*)bytes)[i];
        ((float*)factors)[0] = scale;
        ((float*)factors)[1] = -scale * sum;
    }

    /// <summary>Adds the products of 32 columns with rows of units to sums: scale·(w·a) − offset·Σa.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Add<TSimd, TVector>(
        TVector w0, TVector w1, TVector w2, TVector w3, TVector w4, TVector w5, TVector w6, TVector w7, int bits,
        TVector scales, TVector offsets, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        for (byte* end = units + rows * Bytes; units < end; units += Bytes, sums += TSimd.Width)
        {
            TVector products = TSimd.IntegersToFloats(TSimd.SumProducts(w0, w1, w2, w3, w4, w5, w6, w7, units, bits));
            AddTo<TSimd, TVector>(sums, Scaled<TSimd, TVector>(products, scales, offsets, (float*)(units + Columns)));
        }
    }

    /// <summary>Adds the products of twice 16 columns, which have scales and offsets of their own, with rows of units to sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddHalves<TSimd, TVector>(
        TVector w0, TVector w1, TVector w2, TVector w3, TVector w4, TVector w5, TVector w6, TVector w7, int bits,
        TVector scales, TVector offsets, TVector otherScales, TVector otherOffsets, byte* units, int rows, float* sums)
        where TSimd : ISimd<TVector>
        where TVector : struct
    {
        for (byte* end = units + rows * BytesOfHalves; units < end; units += BytesOfHalves, sums += TSimd.Width)
        {
            TVector products = TSimd.IntegersToFloats(TSimd.SumProducts(w0, w1, w2, w3, units, bits));
            TVector others = TSimd.IntegersToFloats(TSimd.SumProducts(w4, w5, w6, w7, units + Half, bits));
            float* factors = (float*)(units + Columns);
            AddTo<TSimd, TVector>(sums, TSimd.Add(
                Scaled<TSimd, TVector>(products, scales, offsets, factors), Scaled<TSimd, TVector>(others, otherScales, otherOffsets, factors + 2)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Scaled<TSimd, TVector>(TVector products, TVector scales, TVector offsets, float* factors)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.MultiplyAdd(
            TSimd.Multiply(products, TSimd.Broadcast(factors[0])), scales, TSimd.Multiply(TSimd.Broadcast(factors[1]), offsets));

    // What was there is added last: the next group waits for no more than that.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddTo<TSimd, TVector>(float* sums, TVector more)
        where TSimd : ISimd<TVector>
        where TVector : struct => TSimd.Store(sums, TSimd.Add(TSimd.Load(sums), more));
}
