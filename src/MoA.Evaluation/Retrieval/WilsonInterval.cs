namespace MoA.Evaluation.Retrieval;

/// <summary>The 95% confidence interval of a share, after Wilson (1927): stays within [0, 1] also for few items.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
internal readonly record struct WilsonInterval(double Low, double High)
{
    /// <summary>The interval of <paramref name="hits"/> among <paramref name="items"/>, at least one item.</summary>
    public static WilsonInterval Of(int hits, int items)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(items);
        const double Z = 1.959964;
        double share = (double)hits / items;
        double scale = 1 + Z * Z / items;
        double centre = (share + Z * Z / (2 * items)) / scale;
        double half = Z / scale * Math.Sqrt(share * (1 - share) / items + Z * Z / (4.0 * items * items));
        return new WilsonInterval(Math.Max(0, centre - half), Math.Min(1, centre + half));
    }
}
