using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>Adds each expert's biases to its rows of gate and up. Items are places.</summary>
internal readonly unsafe struct ExpertBias<TSimd, TVector>(ExpertWork work, IReadOnlyList<FeedForwardWeights> experts) : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        FeedForwardWeights expert = experts[work.ExpertAt[index]];
        if (expert.GateBias is not null)
            RowBias<TSimd, TVector>.Add(work.Gate.Data + (nint)index * work.Gate.Columns, 1, expert.GateBias);
        if (expert.UpBias is not null)
            RowBias<TSimd, TVector>.Add(work.Up.Data + (nint)index * work.Up.Columns, 1, expert.UpBias);
    }
}
