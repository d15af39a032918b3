using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// Cross-entropy of rows of logits with one target each: row := weight·(softmax(row) − onehot(target)), and the row's
/// loss in nats. Items are rows.
/// </summary>
internal readonly unsafe struct CrossEntropyGradient<TSimd, TVector> : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    private readonly float* _logits;
    private readonly int _vocabulary;
    private readonly int* _targets;
    private readonly float _weight;
    private readonly double* _losses;

    /// <summary>Describes logits[rows, vocabulary], targets[rows] and losses[rows].</summary>
    public CrossEntropyGradient(float* logits, int vocabulary, int* targets, float weight, double* losses)
    {
        _logits = logits;
        _vocabulary = vocabulary;
        _targets = targets;
        _weight = weight;
        _losses = losses;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run(int index, int worker)
    {
        float* row = _logits + (nint)index * _vocabulary;
        int target = _targets[index];
        float targetLogit = row[target];
        float maximum = float.NegativeInfinity;
        for (int i = 0; i < _vocabulary; i++)
            maximum = MathF.Max(maximum, row[i]);
        double sum = Exponentials(row, maximum);
        _losses[index] = Math.Log(sum) + maximum - targetLogit;
        OnlineSoftmax<TSimd, TVector>.Scale(row, _vocabulary, (float)(_weight / sum));
        row[target] -= _weight;
    }

    // Short sums in F32, added up in double: a vocabulary of 10⁵ costs the loss no digits.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private double Exponentials(float* row, float maximum)
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
            {
                TVector weight = SimdMath<TSimd, TVector>.Exp(TSimd.Subtract(TSimd.Load(row + i), shift));
                TSimd.Store(row + i, weight);
                part = TSimd.Add(part, weight);
            }

            sum += TSimd.SumLanes(part);
        }

        for (; i < _vocabulary; i++)
        {
            row[i] = SimdMath<SimdScalar, float>.Exp(row[i] - maximum);
            sum += row[i];
        }

        return sum;
    }
}
