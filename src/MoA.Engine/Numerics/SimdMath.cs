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
        TVector rest = Reduce(TSimd.Max(TSimd.Min(x, TSimd.Broadcast(88f)), TSimd.Broadcast(-87f)), out TVector power);
        return TSimd.Multiply(TSimd.Add(rest, TSimd.Broadcast(1f)), power);
    }

    /// <summary>The hyperbolic tangent, to a few units in the last place: near 0 as exact as x itself.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Tanh(TVector x)
    {
        // e^2x - 1 over e^2x + 1. Beyond ±10 the quotient is ±1; 2^n - 1 is exact and takes nothing off that counts.
        x = TSimd.Max(TSimd.Broadcast(-10f), TSimd.Min(TSimd.Broadcast(10f), x));
        TVector rest = Reduce(TSimd.Add(x, x), out TVector power);
        TVector lessOne = TSimd.MultiplyAdd(rest, power, TSimd.Subtract(power, TSimd.Broadcast(1f)));
        return TSimd.Divide(lessOne, TSimd.Add(lessOne, TSimd.Broadcast(2f)));
    }

    // e^x = (1 + what is returned)·power; power is 2^n, and the rest of x is at most ln 2 / 2.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Reduce(TVector x, out TVector power)
    {
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
        power = TSimd.ShiftIntoExponent(shifted);
        return TSimd.MultiplyAdd(TSimd.Multiply(r, r), p, r);
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
