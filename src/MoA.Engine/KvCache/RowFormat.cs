using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;

namespace MoA.Engine.KvCache;

/// <summary>Key and value rows in the formats that a cache may hold: BF16, F32 and Q8_0.</summary>
internal static unsafe class RowFormat<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Stores a row.</summary>
    public static void Write(float* source, ElementType type, byte* destination, int count)
    {
        if (type != ElementType.Q8_0)
            NumberFormat<TSimd, TVector>.Narrow(source, type, destination, count);
        else if (TSimd.Width == 1)
            Quantization.Quantize(source, type, destination, count);
        else
            WriteQ8(source, destination, count);
    }

    /// <summary>Replaces a row by what would be read back if it were stored.</summary>
    public static void Round(float* values, ElementType type, int count)
    {
        switch (type)
        {
            case ElementType.F32:
                break;
            case ElementType.BF16:
                NumberFormat<TSimd, TVector>.Round(values, count);
                break;
            case ElementType.Q8_0:
                RoundQ8(values, count);
                break;
            default:
                throw ElementFormat.Unknown(type);
        }
    }

    private static void RoundQ8(float* values, int count)
    {
        byte* stored = stackalloc byte[BlockQ8.Bytes];
        for (float* end = values + count; values < end; values += BlockQ8.Elements)
        {
            Write(values, ElementType.Q8_0, stored, BlockQ8.Elements);
            NumberFormat<TSimd, TVector>.Widen(ElementType.Q8_0, stored, values, BlockQ8.Elements);
        }
    }

    // As BlockQ8.Quantize, bit for bit.
    [MethodImpl(JitOptions.Loop)]
    private static void WriteQ8(float* source, byte* block, int count)
    {
        for (float* end = source + count; source < end; source += BlockQ8.Elements, block += BlockQ8.Bytes)
        {
            Vector256<float> x0 = Vector256.Load(source), x1 = Vector256.Load(source + 8);
            Vector256<float> x2 = Vector256.Load(source + 16), x3 = Vector256.Load(source + 24);
            Vector256<float> maxima = Vector256.Max(
                Vector256.Max(Vector256.Abs(x0), Vector256.Abs(x1)), Vector256.Max(Vector256.Abs(x2), Vector256.Abs(x3)));
            float scale = Simd256.MaxLane(maxima) / 127;
            BlockScale.Write(block, scale);
            float inverse = scale == 0 ? 0 : 1 / scale;
            Vector256<short> lower = Vector256.Narrow(RoundAway(x0 * inverse), RoundAway(x1 * inverse));
            Vector256<short> upper = Vector256.Narrow(RoundAway(x2 * inverse), RoundAway(x3 * inverse));
            Vector256.Narrow(lower, upper).Store((sbyte*)block + 2);
        }
    }

    // To the nearest integer, halves away from zero.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> RoundAway(Vector256<float> x)
    {
        Vector256<float> whole = Vector256.Truncate(x);
        Vector256<float> one = Vector256.CopySign(Vector256<float>.One, x);
        Vector256<float> away = Vector256.GreaterThanOrEqual(Vector256.Abs(x - whole), Vector256.Create(0.5f)) & one;
        return Vector256.ConvertToInt32(whole + away);
    }
}
