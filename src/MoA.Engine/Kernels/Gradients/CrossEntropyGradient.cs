using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// Cross-entropy of rows of logits with one target each, of the logits themselves or of y = c·tanh(logits/c):
/// row := weight·(softmax(y) − onehot(target))·∂y/∂logits, and the row's loss in nats. Items are rows.
/// </summary>
internal readonly unsafe struct CrossEntropyGradient<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly float* _logits;
    private readonly int _vocabulary;
    private readonly int* _targets;
    private readonly float _weight;
    private readonly float _softCap;
    private readonly double* _losses;

    /// <summary>Describes logits[rows, vocabulary], targets[rows] and losses[rows].</summary>
    public CrossEntropyGradient(float* logits, int vocabulary, int* targets, float weight, float softCap, double* losses)
    {
        _logits = logits;
        _vocabulary = vocabulary;
        _targets = targets;
        _weight = weight;
        _softCap = softCap;
        _losses = losses;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        float* row = _logits + (nint)index * _vocabulary;
        int target = _targets[index];
        if (_softCap > 0)
            SoftCap(row);
        float targetLogit = row[target];
        float maximum = float.NegativeInfinity;
        for (int i = 0; i < _vocabulary; i++)
            maximum = MathF.Max(maximum, row[i]);
        double sum = Sum(row, maximum);
        _losses[index] = Math.Log(sum) + maximum - targetLogit;
        Gradient(row, maximum, (float)(_weight / sum));
        row[target] -= _weight * Slope<SimdScalar, float>(targetLogit);
    }

    private void SoftCap(float* row)
    {
        int i = 0;
        for (; i <= _vocabulary - TSimd.Width; i += TSimd.Width)
            Cap<TSimd, TVector>(row + i);
        for (; i < _vocabulary; i++)
            Cap<SimdScalar, float>(row + i);
    }

    // Short sums in F32, added up in double: a vocabulary of 10⁵ costs the loss no digits.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double Sum(float* row, float maximum)
    {
        int elementsPerSum = 64 * TSimd.Width;
        TVector shift = TSimd.Broadcast(maximum);
        double sum = 0;
        int i = 0;
        while (i <= _vocabulary - TSimd.Width)
        {
            TVector part = TSimd.Zero;
            int end = Math.Min(i + elementsPerSum, _vocabulary);
            for (; i <= end - TSimd.Width; i += TSimd.Width)
                part = TSimd.Add(part, SimdMath<TSimd, TVector>.Exp(TSimd.Subtract(TSimd.Load(row + i), shift)));
            sum += TSimd.SumLanes(part);
        }

        for (; i < _vocabulary; i++)
            sum += SimdMath<SimdScalar, float>.Exp(row[i] - maximum);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Gradient(float* row, float maximum, float share)
    {
        int i = 0;
        for (; i <= _vocabulary - TSimd.Width; i += TSimd.Width)
            Weigh<TSimd, TVector>(row + i, maximum, share);
        for (; i < _vocabulary; i++)
            Weigh<SimdScalar, float>(row + i, maximum, share);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Weigh<TAnySimd, TAnyVector>(float* at, float maximum, float share)
        where TAnySimd : ISimd<TAnyVector>
        where TAnyVector : struct
    {
        TAnyVector y = TAnySimd.Load(at);
        TAnyVector weight = SimdMath<TAnySimd, TAnyVector>.Exp(TAnySimd.Subtract(y, TAnySimd.Broadcast(maximum)));
        weight = TAnySimd.Multiply(weight, TAnySimd.Broadcast(share));
        TAnySimd.Store(at, _softCap > 0 ? TAnySimd.Multiply(weight, Slope<TAnySimd, TAnyVector>(y)) : weight);
    }

    // Of y = c·tanh(x/c): 1 − (y/c)².
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TAnyVector Slope<TAnySimd, TAnyVector>(TAnyVector y)
        where TAnySimd : ISimd<TAnyVector>
        where TAnyVector : struct
    {
        TAnyVector one = TAnySimd.Broadcast(1f);
        if (_softCap <= 0)
            return one;
        TAnyVector part = TAnySimd.Multiply(y, TAnySimd.Broadcast(1 / _softCap));
        return TAnySimd.Multiply(TAnySimd.Subtract(one, part), TAnySimd.Add(one, part));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Cap<TAnySimd, TAnyVector>(float* at)
        where TAnySimd : ISimd<TAnyVector>
        where TAnyVector : struct
    {
        TAnyVector tanh = SimdMath<TAnySimd, TAnyVector>.Tanh(TAnySimd.Multiply(TAnySimd.Load(at), TAnySimd.Broadcast(1 / _softCap)));
        TAnySimd.Store(at, TAnySimd.Multiply(tanh, TAnySimd.Broadcast(_softCap)));
    }
}
