using System.Runtime.CompilerServices;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// Gradient of y = activation(z)·u (<see cref="GatedActivation{TSimd,TVector}"/>): z := dy·∂y/∂z, u := dy·∂y/∂u, element by element
/// in place.
/// </summary>
internal readonly unsafe struct GatedActivationGradient<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private const int ElementsPerItem = 16384;

    private readonly Activation _activation;
    private readonly float* _gate;
    private readonly float* _up;
    private readonly float* _dy;
    private readonly long _count;

    /// <summary>Describes the gradient of <paramref name="count"/> elements.</summary>
    public GatedActivationGradient(Activation activation, float* gate, float* up, float* dy, long count)
    {
        _activation = activation;
        _gate = gate;
        _up = up;
        _dy = dy;
        _count = count;
    }

    /// <summary>Number of items.</summary>
    public int Items => (int)((_count + ElementsPerItem - 1) / ElementsPerItem);

    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        switch (_activation)
        {
            case Activation.Silu:
                Run<Silu<TSimd, TVector>, Silu<SimdScalar, float>>(index);
                break;
            case Activation.GeluTanh:
                Run<GeluTanh<TSimd, TVector>, GeluTanh<SimdScalar, float>>(index);
                break;
            case Activation.ClampedSilu:
                Run<ClampedSilu<TSimd, TVector>, ClampedSilu<SimdScalar, float>>(index);
                break;
            default:
                throw new InvalidOperationException($"{_activation} is no activation that is known here.");
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void Run<TSlopes, TScalarSlopes>(int index)
        where TSlopes : ISlopes<TVector>
        where TScalarSlopes : ISlopes<float>
    {
        nint i = (nint)index * ElementsPerItem;
        nint last = (nint)Math.Min(i + ElementsPerItem, _count);
        for (; i <= last - TSimd.Width; i += TSimd.Width)
        {
            TVector slope = TSlopes.Of(TSimd.Load(_gate + i), TSimd.Load(_up + i), out TVector upSlope), dy = TSimd.Load(_dy + i);
            TSimd.Store(_gate + i, TSimd.Multiply(dy, slope));
            TSimd.Store(_up + i, TSimd.Multiply(dy, upSlope));
        }

        for (; i < last; i++)
        {
            float slope = TScalarSlopes.Of(_gate[i], _up[i], out float upSlope);
            _gate[i] = _dy[i] * slope;
            _up[i] = _dy[i] * upSlope;
        }
    }

    private interface ISlopes<TAnyVector>
    {
        /// <summary>∂y/∂z.</summary>
        static abstract TAnyVector Of(TAnyVector z, TAnyVector u, out TAnyVector upSlope);
    }

    // z·σ(z): σ + z·σ·(1 − σ).
    private readonly struct Silu<TAnySimd, TAnyVector> : ISlopes<TAnyVector>
        where TAnySimd : ISimd<TAnyVector>
        where TAnyVector : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TAnyVector Of(TAnyVector z, TAnyVector u, out TAnyVector upSlope)
        {
            TAnyVector one = TAnySimd.Broadcast(1f), sigmoid = SimdMath<TAnySimd, TAnyVector>.Sigmoid(z);
            upSlope = TAnySimd.Multiply(z, sigmoid);
            return TAnySimd.Multiply(u, TAnySimd.Multiply(sigmoid, TAnySimd.MultiplyAdd(z, TAnySimd.Subtract(one, sigmoid), one)));
        }
    }

    // z·σ(w) with w = z·(a + b·z²): σ + z·σ·(1 − σ)·(a + 3·b·z²).
    private readonly struct GeluTanh<TAnySimd, TAnyVector> : ISlopes<TAnyVector>
        where TAnySimd : ISimd<TAnyVector>
        where TAnyVector : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TAnyVector Of(TAnyVector z, TAnyVector u, out TAnyVector upSlope)
        {
            const float A = GatedActivation<TSimd, TVector>.GeluLinear, B = GatedActivation<TSimd, TVector>.GeluCubic;
            TAnyVector one = TAnySimd.Broadcast(1f), a = TAnySimd.Broadcast(A), square = TAnySimd.Multiply(z, z);
            TAnyVector argument = TAnySimd.Multiply(z, TAnySimd.MultiplyAdd(square, TAnySimd.Broadcast(B), a));
            TAnyVector sigmoid = SimdMath<TAnySimd, TAnyVector>.Sigmoid(argument);
            TAnyVector steepness = TAnySimd.Multiply(z, TAnySimd.MultiplyAdd(square, TAnySimd.Broadcast(3 * B), a));
            upSlope = TAnySimd.Multiply(z, sigmoid);
            return TAnySimd.Multiply(u, TAnySimd.Multiply(sigmoid, TAnySimd.MultiplyAdd(steepness, TAnySimd.Subtract(one, sigmoid), one)));
        }
    }

    // g·σ(k·g)·(v + 1) of g = min(z, 7) and v = u within ±7; beyond these, z and u change nothing.
    private readonly struct ClampedSilu<TAnySimd, TAnyVector> : ISlopes<TAnyVector>
        where TAnySimd : ISimd<TAnyVector>
        where TAnyVector : struct
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TAnyVector Of(TAnyVector z, TAnyVector u, out TAnyVector upSlope)
        {
            TAnyVector one = TAnySimd.Broadcast(1f), steepness = TAnySimd.Broadcast(GatedActivation<TSimd, TVector>.Steepness);
            TAnyVector limit = TAnySimd.Broadcast(GatedActivation<TSimd, TVector>.Limit), least = TAnySimd.Subtract(TAnySimd.Zero, limit);
            TAnyVector g = TAnySimd.Min(limit, z), v = TAnySimd.Max(least, TAnySimd.Min(limit, u));
            TAnyVector argument = TAnySimd.Multiply(g, steepness), sigmoid = SimdMath<TAnySimd, TAnyVector>.Sigmoid(argument);
            upSlope = TAnySimd.Multiply(TAnySimd.Multiply(g, sigmoid), IsZero(TAnySimd.Subtract(u, v)));
            TAnyVector slope = TAnySimd.Multiply(sigmoid, TAnySimd.MultiplyAdd(argument, TAnySimd.Subtract(one, sigmoid), one));
            return TAnySimd.Multiply(TAnySimd.Multiply(slope, TAnySimd.Add(v, one)), IsZero(TAnySimd.Subtract(z, g)));
        }

        // 1 where it is, else 0; of differences of numbers that are not tiny.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static TAnyVector IsZero(TAnyVector x) => TAnySimd.Subtract(
            TAnySimd.Broadcast(1f), TAnySimd.Min(TAnySimd.Multiply(TAnySimd.Abs(x), TAnySimd.Broadcast(1e38f)), TAnySimd.Broadcast(1f)));
    }
}
