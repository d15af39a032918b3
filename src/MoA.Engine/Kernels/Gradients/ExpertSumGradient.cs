using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels.Gradients;

/// <summary>
/// Gradient of y = Σ weight·output over the experts of each row, the choice of experts held fixed: an output's is weight·dy; that of a
/// weight is dy·output, and goes through the softmax that the weights are of to the router's scores. Items are rows.
/// </summary>
internal readonly unsafe struct ExpertSumGradient<TSimd, TVector>(ExpertWork work, float* dy, bool isNormalized) : IParallelJob
    where TSimd : ISimd<TVector>
    where TVector : struct
{
    /// <inheritdoc/>
    [MethodImpl(JitOptions.Loop)]
    public void Run(int index, int worker)
    {
        int columns = work.Outputs.Columns, used = work.Used;
        float* gradient = dy + (nint)index * columns, scores = work.Scores.Data + (nint)index * work.Experts;
        int* chosen = work.Chosen + (nint)index * used, places = work.PlaceOf + (nint)index * used;
        float* weights = work.Weights + (nint)index * used;
        Span<float> slopes = stackalloc float[used];
        double mean = 0;
        for (int i = 0; i < used; i++)
        {
            float* output = work.Outputs.Data + (nint)places[i] * columns;
            slopes[i] = Dot.Run<TSimd, TVector>(gradient, output, columns);
            mean += (double)weights[i] * slopes[i];
            OnlineSoftmax<TSimd, TVector>.Scale(gradient, output, columns, weights[i]);
        }

        if (isNormalized)
            new Span<float>(scores, work.Experts).Clear();
        else
            PullDown(scores, mean);
        for (int i = 0; i < used; i++)
            scores[chosen[i]] = isNormalized ? (float)(weights[i] * (slopes[i] - mean)) : scores[chosen[i]] + weights[i] * slopes[i];
    }

    // Of a softmax over all experts each share is pulled down by those that were chosen: −share·Σ weight·slope.
    private void PullDown(float* scores, double mean)
    {
        double largest = double.NegativeInfinity, sum = 0;
        for (int expert = 0; expert < work.Experts; expert++)
            largest = Math.Max(largest, scores[expert]);
        for (int expert = 0; expert < work.Experts; expert++)
            sum += Math.Exp(scores[expert] - largest);
        for (int expert = 0; expert < work.Experts; expert++)
            scores[expert] = (float)(-Math.Exp(scores[expert] - largest) / sum * mean);
    }
}
