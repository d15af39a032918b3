namespace MoA.Search.Validation;

/// <summary>A mean with its 95% confidence interval (normal approximation over items).</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public readonly record struct MeanInterval(double Mean, double Low, double High)
{
    /// <summary>
    /// The mean of groups' means, every group with the same weight whatever its size; its variance is that of the groups'
    /// means, each estimated from the spread of its own items.
    /// </summary>
    /// <param name="groups">At least one group of at least one value each.</param>
    public static MeanInterval OfGroups(IEnumerable<IReadOnlyCollection<double>> groups)
    {
        double sum = 0, variance = 0;
        int count = 0;
        foreach (IReadOnlyCollection<double> group in groups)
        {
            double mean = group.Average();
            sum += mean;
            count++;
            if (group.Count > 1)
                variance += group.Sum(value => (value - mean) * (value - mean)) / (group.Count - 1) / group.Count;
        }

        double half = 1.96 * Math.Sqrt(variance) / count;
        return new MeanInterval(sum / count, sum / count - half, sum / count + half);
    }
}
