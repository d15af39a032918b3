namespace MoA.Search.Validation;

/// <summary>A mean with its 95% confidence interval (normal approximation over items).</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
internal readonly record struct MeanInterval(double Mean, double Low, double High)
{
    /// <summary>
    /// The mean of groups' means, every group with the same weight whatever its size; its variance is that of the groups'
    /// means, each estimated from the spread of its own items. A group of one item tells no spread: it is given that of
    /// the other groups' items, or, where every group is so small, that of the groups.
    /// </summary>
    /// <param name="groups">At least one group of at least one value each.</param>
    public static MeanInterval OfGroups(IEnumerable<IReadOnlyCollection<double>> groups)
    {
        (double Mean, double Squares, int Count)[] stats = [.. groups.Select(group =>
        {
            double mean = group.Average();
            return (mean, group.Sum(value => (value - mean) * (value - mean)), group.Count);
        })];
        double overall = stats.Average(group => group.Mean);
        int freedom = stats.Sum(group => group.Count - 1);
        double pooled = freedom > 0
            ? stats.Sum(group => group.Squares) / freedom
            : stats.Sum(group => (group.Mean - overall) * (group.Mean - overall)) / Math.Max(1, stats.Length - 1);
        double variance = stats.Sum(group =>
            (group.Count > 1 ? group.Squares / (group.Count - 1) : pooled) / group.Count);
        double half = 1.96 * Math.Sqrt(variance) / stats.Length;
        return new MeanInterval(overall, overall - half, overall + half);
    }
}
