namespace MoA.Search.Optimization;

/// <summary>Makes a choice of columns keep its limits, then cheaper, by changing one or two groups at a time.</summary>
internal sealed class ColumnImprovement(CoupledProgramme programme, ColumnPool pool, SearchEffort effort)
{
    private const double Tolerance = 1e-11;
    private const int PairCandidates = 600;

    private readonly double[] _usage = new double[programme.Rows];
    private readonly double[] _moved = new double[programme.Rows];

    /// <summary>Cost of the choice last improved.</summary>
    public double Cost { get; private set; }

    /// <summary>Changes the choice in place; whether it keeps the limits.</summary>
    /// <param name="chosen">[groups]: column of each group.</param>
    /// <param name="candidates">Columns that may be chosen.</param>
    /// <param name="prices">Prices that say which candidates are worth trying in pairs.</param>
    public bool Improve(int[] chosen, ReadOnlySpan<int> candidates, ReadOnlySpan<double> prices)
    {
        Recount(chosen);
        for (int step = 0; step < 4 * pool.Groups && programme.Violation(_usage) > Tolerance; step++)
        {
            if (!Repair(chosen, candidates))
                break;
        }

        int[] likely = Likely(candidates, prices);
        if (programme.Violation(_usage) > Tolerance && !RepairByPair(chosen, likely))
            return false;
        for (int step = 0; step < 8 * pool.Groups; step++)
        {
            if (!Move(chosen, candidates) && !MovePair(chosen, likely))
                break;
        }

        Recount(chosen);
        return programme.Violation(_usage) <= Tolerance;
    }

    private void Recount(int[] chosen)
    {
        Cost = 0;
        Array.Clear(_usage);
        foreach (int column in chosen)
        {
            Cost += pool.Cost[column];
            for (int row = 0; row < _usage.Length; row++)
                _usage[row] += pool.Usage[row][column];
        }
    }

    private double ViolationAfter(int[] chosen, int column, int other = -1)
    {
        int current = chosen[pool.GroupOf[column]];
        for (int row = 0; row < _moved.Length; row++)
            _moved[row] = _usage[row] + pool.Usage[row][column] - pool.Usage[row][current];
        if (other >= 0)
        {
            current = chosen[pool.GroupOf[other]];
            for (int row = 0; row < _moved.Length; row++)
                _moved[row] += pool.Usage[row][other] - pool.Usage[row][current];
        }

        return programme.Violation(_moved);
    }

    private double Extra(int[] chosen, int column) => pool.Cost[column] - pool.Cost[chosen[pool.GroupOf[column]]];

    private void Apply(int[] chosen, int column)
    {
        int group = pool.GroupOf[column];
        for (int row = 0; row < _usage.Length; row++)
            _usage[row] += pool.Usage[row][column] - pool.Usage[row][chosen[group]];
        chosen[group] = column;
    }

    /// <summary>The change that buys the most of the violation for its cost.</summary>
    private bool Repair(int[] chosen, ReadOnlySpan<int> candidates)
    {
        effort.ThrowIfCancelled();
        double violation = programme.Violation(_usage);
        double bestRatio = double.PositiveInfinity;
        int best = -1;
        foreach (int column in candidates)
        {
            double gain = violation - ViolationAfter(chosen, column);
            if (gain <= Tolerance / 10)
                continue;
            double extra = Extra(chosen, column);
            double ratio = extra > 0 ? extra / gain : extra * gain;
            if (ratio < bestRatio)
            {
                bestRatio = ratio;
                best = column;
            }
        }

        if (best >= 0)
            Apply(chosen, best);
        return best >= 0;
    }

    private bool RepairByPair(int[] chosen, int[] likely)
    {
        double least = double.PositiveInfinity;
        (int First, int Second) best = (-1, -1);
        for (int i = 0; i < likely.Length; i++)
        {
            effort.ThrowIfCancelled();
            for (int j = 0; j < i; j++)
            {
                if (pool.GroupOf[likely[i]] == pool.GroupOf[likely[j]])
                    continue;
                double extra = Extra(chosen, likely[i]) + Extra(chosen, likely[j]);
                if (extra < least && ViolationAfter(chosen, likely[i], likely[j]) <= Tolerance)
                {
                    least = extra;
                    best = (likely[i], likely[j]);
                }
            }
        }

        if (best.First < 0)
            return false;
        Apply(chosen, best.First);
        Apply(chosen, best.Second);
        return true;
    }

    private bool Move(int[] chosen, ReadOnlySpan<int> candidates)
    {
        double least = -1e-13;
        int best = -1;
        foreach (int column in candidates)
        {
            double extra = Extra(chosen, column);
            if (extra < least && ViolationAfter(chosen, column) <= Tolerance)
            {
                least = extra;
                best = column;
            }
        }

        if (best >= 0)
            Apply(chosen, best);
        return best >= 0;
    }

    private bool MovePair(int[] chosen, int[] likely)
    {
        double[] extras = [.. likely.Select(column => Extra(chosen, column))];
        int[] order = [.. likely];
        Array.Sort(extras, order);
        double least = -1e-12;
        (int First, int Second) best = (-1, -1);
        for (int i = 0; i < order.Length; i++)
        {
            effort.ThrowIfCancelled();
            for (int j = i + 1; j < order.Length && extras[i] + extras[j] < least; j++)
            {
                if (pool.GroupOf[order[i]] == pool.GroupOf[order[j]]
                    || ViolationAfter(chosen, order[i], order[j]) > Tolerance)
                {
                    continue;
                }

                least = extras[i] + extras[j];
                best = (order[i], order[j]);
            }
        }

        if (best.First < 0)
            return false;
        Apply(chosen, best.First);
        Apply(chosen, best.Second);
        return true;
    }

    /// <summary>The candidates of least priced cost above the least of their group.</summary>
    private int[] Likely(ReadOnlySpan<int> candidates, ReadOnlySpan<double> prices)
    {
        double[] priced = new double[candidates.Length];
        double[] least = new double[pool.Groups];
        Array.Fill(least, double.PositiveInfinity);
        for (int i = 0; i < priced.Length; i++)
        {
            int column = candidates[i];
            priced[i] = pool.Cost[column];
            for (int row = 0; row < prices.Length; row++)
                priced[i] += prices[row] * pool.Usage[row][column];
            least[pool.GroupOf[column]] = Math.Min(least[pool.GroupOf[column]], priced[i]);
        }

        for (int i = 0; i < priced.Length; i++)
            priced[i] -= least[pool.GroupOf[candidates[i]]];
        int[] order = candidates.ToArray();
        Array.Sort(priced, order);
        return order.Length <= PairCandidates ? order : order[..PairCandidates];
    }
}
