using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>y[row] = Σ of the rows of <see cref="ExpertWork.Outputs"/> at the row's places, in the order of its experts. Items are rows.</summary>
internal readonly unsafe struct PlaceSum<TSimd, TVector>(ExpertWork work, float* y) : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        int columns = work.Outputs.Columns;
        float* sum = y + (nint)index * columns;
        new Span<float>(sum, columns).Clear();
        for (int i = index * work.Used; i < (index + 1) * work.Used; i++)
            OnlineSoftmax<TSimd, TVector>.AddScaled(work.Outputs.Data + (nint)work.PlaceOf[i] * columns, sum, columns, 1);
    }
}
