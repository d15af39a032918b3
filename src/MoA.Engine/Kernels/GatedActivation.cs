using System.Runtime.CompilerServices;
using MoA.Engine.Configuration;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>gate := gate·σ(…)·up element by element, as the activation says; σ(z) = 1/(1 + e^-z).</summary>
internal readonly unsafe struct GatedActivation<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <summary>Of gpt-oss: what values are limited to, and what σ's argument is multiplied by.</summary>
    internal const float Limit = 7, Steepness = 1.702f;

    /// <summary>2·√(2/π), and that times 0.044715.</summary>
    internal const float GeluLinear = 1.59576912f, GeluCubic = 0.0713548163f;

    private const int ElementsPerItem = 16384;

    private readonly Activation _activation;
    private readonly float* _gate;
    private readonly float* _up;
    private readonly long _count;

    /// <summary>Describes what becomes of <paramref name="count"/> elements; the result replaces the gate.</summary>
    public GatedActivation(Activation activation, float* gate, float* up, long count)
    {
        _activation = activation;
        _gate = gate;
        _up = up;
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
                Run<Silu>(index);
                break;
            case Activation.GeluTanh:
                Run<GeluTanh>(index);
                break;
            case Activation.ClampedSilu:
                Run<ClampedSilu>(index);
                break;
            default:
                throw new InvalidOperationException($"{_activation} is no activation that is known here.");
        }
    }

    [MethodImpl(JitOptions.Loop)]
    private void Run<TGate>(int index)
        where TGate : IGate
    {
        nint i = (nint)index * ElementsPerItem;
        nint last = (nint)Math.Min(i + ElementsPerItem, _count);
        for (; i <= last - TSimd.Width; i += TSimd.Width)
            TSimd.Store(_gate + i, TGate.Of(TSimd.Load(_gate + i), TSimd.Load(_up + i)));

        // The last numbers go through a vector too: no row's result depends on how many rows there are.
        long bytes = (last - i) * sizeof(float);
        float* rest = stackalloc float[2 * 16];
        new Span<float>(rest, 2 * 16).Clear();
        Buffer.MemoryCopy(_gate + i, rest, bytes, bytes);
        Buffer.MemoryCopy(_up + i, rest + 16, bytes, bytes);
        TSimd.Store(rest, TGate.Of(TSimd.Load(rest), TSimd.Load(rest + 16)));
        Buffer.MemoryCopy(rest, _gate + i, bytes, bytes);
    }

    private interface IGate
    {
        static abstract TVector Of(TVector gate, TVector up);
    }

    private readonly struct Silu : IGate
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector Of(TVector gate, TVector up) =>
            TSimd.Multiply(TSimd.Multiply(gate, SimdMath<TSimd, TVector>.Sigmoid(gate)), up);
    }

    // gelu(z) = z/2·(1 + tanh(u)) with u = √(2/π)·(z + 0.044715z³), and (1 + tanh(u))/2 is σ(2u).
    private readonly struct GeluTanh : IGate
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector Of(TVector gate, TVector up)
        {
            TVector cubic = TSimd.MultiplyAdd(TSimd.Multiply(gate, gate), TSimd.Broadcast(GeluCubic), TSimd.Broadcast(GeluLinear));
            return TSimd.Multiply(TSimd.Multiply(gate, SimdMath<TSimd, TVector>.Sigmoid(TSimd.Multiply(gate, cubic))), up);
        }
    }

    private readonly struct ClampedSilu : IGate
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static TVector Of(TVector gate, TVector up)
        {
            // What is no number must stay none: minima and maxima are their second argument then.
            gate = TSimd.Min(TSimd.Broadcast(Limit), gate);
            up = TSimd.Max(TSimd.Broadcast(-Limit), TSimd.Min(TSimd.Broadcast(Limit), up));
            TVector weight = SimdMath<TSimd, TVector>.Sigmoid(TSimd.Multiply(gate, TSimd.Broadcast(Steepness)));
            return TSimd.Multiply(TSimd.Multiply(gate, weight), TSimd.Add(up, TSimd.Broadcast(1f)));
        }
    }
}
