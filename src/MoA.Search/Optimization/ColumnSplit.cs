namespace MoA.Search.Optimization;

/// <summary>Where a node of <see cref="ColumnSearch"/> is split.</summary>
internal static class ColumnSplit
{
    /// <summary>
    /// The group and the part of its columns to split off: where the fractional solution mixes cheap with dear columns, or
    /// else with different usage, or else the heaviest column of the group with most of them; null when a single choice is left.
    /// </summary>
    /// <param name="pool">All columns.</param>
    /// <param name="programme">The node's columns.</param>
    /// <param name="allowed">Those of them that are left.</param>
    /// <param name="weights">[columns]: their weights in the fractional solution.</param>
    public static (int Group, Predicate<int>? IsFirst) Of(
        ColumnPool pool, NodeProgramme programme, ColumnSet allowed, double[] weights)
    {
        double widest = 1e-9;
        int splitGroup = -1;
        double[] splitKey = pool.Cost;
        double threshold = 0;
        for (int row = -1; row < pool.Usage.Length && splitGroup < 0; row++)
        {
            double[] key = row < 0 ? pool.Cost : pool.Usage[row];
            for (int group = 0; group < pool.Groups; group++)
            {
                (double mean, double spread) = Spread(programme.ColumnsOf(group), allowed, key, weights);
                if (spread > widest)
                    (widest, splitGroup, splitKey, threshold) = (spread, group, key, mean);
            }
        }

        return splitGroup >= 0
            ? (splitGroup, column => splitKey[column] <= threshold)
            : HeaviestOfLargest(pool, programme, allowed, weights);
    }

    private static (double Mean, double Spread) Spread(
        ReadOnlySpan<int> columns, ColumnSet allowed, double[] key, double[] weights)
    {
        double mean = 0;
        double total = 0;
        int mixed = 0;
        foreach (int column in columns)
        {
            if (weights[column] > 1e-9 && allowed.Contains(column))
            {
                mean += weights[column] * key[column];
                total += weights[column];
                mixed++;
            }
        }

        if (mixed < 2)
            return (0, 0);
        mean /= total;
        double spread = 0;
        foreach (int column in columns)
        {
            if (weights[column] > 1e-9 && allowed.Contains(column))
                spread += weights[column] * Math.Abs(key[column] - mean);
        }

        return (mean, spread);
    }

    private static (int Group, Predicate<int>? IsFirst) HeaviestOfLargest(
        ColumnPool pool, NodeProgramme programme, ColumnSet allowed, double[] weights)
    {
        int largest = 1;
        int splitGroup = -1;
        int only = -1;
        for (int group = 0; group < pool.Groups; group++)
        {
            int count = 0;
            int heaviest = -1;
            foreach (int column in programme.ColumnsOf(group))
            {
                if (!allowed.Contains(column))
                    continue;
                count++;
                if (heaviest < 0 || weights[column] > weights[heaviest])
                    heaviest = column;
            }

            if (count > largest)
                (largest, splitGroup, only) = (count, group, heaviest);
        }

        return splitGroup < 0 ? (-1, null) : (splitGroup, column => column == only);
    }
}
