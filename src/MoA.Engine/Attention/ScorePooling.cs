namespace MoA.Engine.Attention;

/// <summary>
/// Smooths scores along the sequence, so that a token is kept together with its neighbours (SnapKV, arXiv 2404.14469,
/// section 4).
/// </summary>
/// <param name="Kind">Mean or largest.</param>
/// <param name="Width">Tokens of a neighbourhood, odd; 1 leaves the scores as they are.</param>
internal readonly record struct ScorePooling(PoolingKind Kind, int Width)
{
    /// <summary>No pooling.</summary>
    public static ScorePooling None { get; } = new(PoolingKind.Average, 1);

    /// <summary>The pooled scores: for each the mean or the largest of the <see cref="Width"/> around it.</summary>
    public float[] Apply(ReadOnlySpan<float> scores)
    {
        float[] pooled = new float[scores.Length];
        int reach = Width / 2;
        for (int i = 0; i < pooled.Length; i++)
        {
            ReadOnlySpan<float> around = scores[Math.Max(0, i - reach)..Math.Min(scores.Length, i + reach + 1)];
            float sum = 0, largest = float.NegativeInfinity;
            foreach (float score in around)
            {
                sum += score;
                largest = Math.Max(largest, score);
            }

            pooled[i] = Kind == PoolingKind.Average ? sum / Width : largest;
        }

        return pooled;
    }
}
