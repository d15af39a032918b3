using MoA.Evaluation.Retrieval;

namespace MoA.Evaluation.Tasks;

/// <summary>The mean of scores in [0, 1] with its 95% confidence interval.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Low">Lower end, at least 0.</param>
/// <param name="High">Upper end, at most 1.</param>
internal readonly record struct ScoreInterval(double Mean, double Low, double High)
{
    /// <summary>
    /// Wilson's interval where every score is 0 or 1; else the normal approximation, which is wide open for a single item.
    /// </summary>
    /// <param name="scores">At least one score.</param>
    public static ScoreInterval Of(IReadOnlyCollection<double> scores)
    {
        double mean = scores.Average();
        if (scores.All(static score => score is 0 or 1))
        {
            WilsonInterval wilson = WilsonInterval.Of(scores.Count(static score => score == 1), scores.Count);
            return new ScoreInterval(mean, wilson.Low, wilson.High);
        }

        if (scores.Count == 1)
            return new ScoreInterval(mean, 0, 1);
        double variance = scores.Sum(score => (score - mean) * (score - mean)) / (scores.Count - 1);
        double half = 1.959964 * Math.Sqrt(variance / scores.Count);
        return new ScoreInterval(mean, Math.Max(0, mean - half), Math.Min(1, mean + half));
    }
}
