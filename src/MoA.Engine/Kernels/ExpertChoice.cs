using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Kernels;

/// <summary>
/// Chooses the experts of each row: the k with the highest scores, of equal ones the lower in number, and a score that is no number
/// counts as the lowest. Their weights are a softmax over the k scores alone, which is also that over all scores divided by
/// the sum of the k, or as it is over all scores. In double: scores decide, and there are few. Items are rows.
/// </summary>
internal readonly unsafe struct ExpertChoice(ExpertWork work, bool isNormalized) : IParallelJob
{
    /// <inheritdoc/>
    public void Run(int index, int worker)
    {
        int used = work.Used, count = 0;
        ReadOnlySpan<float> scores = new(work.Scores.Data + (nint)index * work.Experts, work.Experts);
        Span<int> chosen = new(work.Chosen + (nint)index * used, used);
        for (int expert = 0; expert < scores.Length; expert++)
        {
            int at = count;
            while (at > 0 && Rank(scores[expert]) > Rank(scores[chosen[at - 1]]))
                at--;
            if (at == used)
                continue;
            count = Math.Min(count + 1, used);
            chosen[at..(count - 1)].CopyTo(chosen[(at + 1)..]);
            chosen[at] = expert;
        }

        float largest = scores[chosen[0]];
        double sum = 0;
        if (isNormalized)
        {
            foreach (int expert in chosen)
                sum += Math.Exp((double)scores[expert] - largest);
        }
        else
        {
            foreach (float score in scores)
                sum += Math.Exp((double)score - largest);
        }

        chosen.Sort();
        float* weights = work.Weights + (nint)index * used;
        for (int i = 0; i < used; i++)
            weights[i] = (float)(Math.Exp((double)scores[chosen[i]] - largest) / sum);
    }

    private static float Rank(float score) => float.IsNaN(score) ? float.NegativeInfinity : score;
}
