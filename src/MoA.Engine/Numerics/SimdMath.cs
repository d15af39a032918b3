using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>Functions built from the operations of <see cref="ISimd{TVector}"/>.</summary>
internal static unsafe class SimdMath<TSimd, TVector>
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    // 1.5·2^23 puts the units of a small number into the lowest mantissa bits, rounded to nearest; the 127 on top makes
    // those bits the biased exponent of 2^n.
    private const float RoundingShift = 12582912f + 127f;

    /// <summary>e^x to about 2 units in the last place for x in [-87, 88]; clamped to that range outside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp(TVector x)
    {
        x = TSimd.Max(TSimd.Min(x, TSimd.Broadcast(88f)), TSimd.Broadcast(-87f));
        TVector shifted = TSimd.MultiplyAdd(x, TSimd.Broadcast(1.44269504f), TSimd.Broadcast(RoundingShift));
        TVector n = TSimd.Subtract(shifted, TSimd.Broadcast(RoundingShift));
        // x - n·ln 2 in two steps: ln 2 = 0.693359375 - 0.000212194440.
        TVector r = TSimd.MultiplyAdd(n, TSimd.Broadcast(-0.693359375f), x);
        r = TSimd.MultiplyAdd(n, TSimd.Broadcast(2.12194440e-4f), r);
        TVector p = TSimd.Broadcast(1.9875691500e-4f);
        p = TSimd.MultiplyAdd(p, r, TSimd.Broadcast(1.3981999507e-3f));
        p = TSimd.MultiplyAdd(p, r, TSimd.Broadcast(8.3334519073e-3f));
        p = TSimd.MultiplyAdd(p, r, TSimd.Broadcast(4.1665795894e-2f));
        p = TSimd.MultiplyAdd(p, r, TSimd.Broadcast(1.6666665459e-1f));
        p = TSimd.MultiplyAdd(p, r, TSimd.Broadcast(0.5f));
        TVector result = TSimd.Add(TSimd.MultiplyAdd(TSimd.Multiply(r, r), p, r), TSimd.Broadcast(1f));
        return TSimd.Multiply(result, TSimd.ShiftIntoExponent(shifted));
    }

    /// <summary>The logistic function 1/(1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Sigmoid(TVector x)
    {
        TVector one = TSimd.Broadcast(1f);
        return TSimd.Divide(one, TSimd.Add(one, Exp(TSimd.Subtract(TSimd.Zero, x))));
    }

    /// <summary>Loads <see cref="ISimd{TVector}.Width"/> plain numbers of any stored type, widened.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load(ElementType type, void* source) => type switch
    {
        ElementType.F32 => TSimd.Load((float*)source),
        ElementType.BF16 => TSimd.LoadBF16((ushort*)source),
        ElementType.F16 => TSimd.LoadF16((ushort*)source),
        _ => throw ElementFormat.Unknown(type),
    };
}
