using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>y (+)= Σ weight·(output + bias) over the experts of each row, in the order of their numbers. Items are rows.</summary>
internal readonly unsafe struct ExpertSum<TSimd, TVector>(ExpertWork work, IReadOnlyList<FeedForwardWeights> experts, float* y, bool accumulate)
    : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        int columns = work.Outputs.Columns;
        float* sums = y + (nint)index * columns;
        if (!accumulate)
            new Span<float>(sums, columns).Clear();
        for (int i = index * work.Used; i < (index + 1) * work.Used; i++)
        {
            float* outputs = work.Outputs.Data + (nint)work.PlaceOf[i] * columns;
            if (experts[work.Chosen[i]].DownBias is WeightTensor bias)
                RowBias<TSimd, TVector>.Add(outputs, 1, bias);
            TVector weight = TSimd.Broadcast(work.Weights[i]);
            int at = 0;
            for (; at <= columns - TSimd.Width; at += TSimd.Width)
                TSimd.Store(sums + at, TSimd.MultiplyAdd(weight, TSimd.Load(outputs + at), TSimd.Load(sums + at)));
            for (; at < columns; at++)
                sums[at] = SimdScalar.MultiplyAdd(work.Weights[i], outputs[at], sums[at]);
        }
    }
}
