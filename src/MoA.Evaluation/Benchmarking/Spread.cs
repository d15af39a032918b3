namespace MoA.Evaluation.Benchmarking;

/// <summary>What repeated measurements of one figure gave.</summary>
/// <param name="Median">The middle value, or the mean of the two middle ones.</param>
/// <param name="Least">The smallest value.</param>
/// <param name="Most">The largest value.</param>
internal readonly record struct Spread(double Median, double Least, double Most)
{
    /// <summary>Summarises measurements.</summary>
    /// <param name="values">At least one.</param>
    public static Spread Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
            throw new ArgumentException("There is nothing to summarise.", nameof(values));
        int middle = sorted.Length / 2;
        double median = sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(median, sorted[0], sorted[^1]);
    }
}
