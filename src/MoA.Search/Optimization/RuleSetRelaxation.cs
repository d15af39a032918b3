namespace MoA.Search.Optimization;

/// <summary>
/// The best set of K rules for a layer, for K too large to enumerate: a lower bound by pricing the condition that every
/// head takes one rule (the Lagrangian of the p-median problem), and a set by greedy choice and exchanges.
/// </summary>
internal sealed class RuleSetRelaxation(int layers, int heads, int rules, int setSize)
{
    /// <summary>Subgradient steps of one bound.</summary>
    public const int Steps = 25;

    private readonly double[][] _headPrices = new double[layers][];
    private readonly double[] _gain = new double[rules];
    private readonly int[] _order = new int[rules];
    private readonly double[] _uses = new double[heads];

    /// <summary>A number not above the layer's least value; a good set is written.</summary>
    /// <param name="layer">Layer, whose head prices are kept from call to call.</param>
    /// <param name="costs">[heads, stride]: priced cost of every rule.</param>
    /// <param name="stride">Distance between the rows of the costs.</param>
    /// <param name="set">[setSize]: receives the set.</param>
    public double Bound(int layer, double[] costs, int stride, int[] set)
    {
        double found = FindSet(costs, stride, set);
        double[] prices = _headPrices[layer] ??= SecondLeast(costs, stride);
        double best = double.NegativeInfinity;
        double[] bestPrices = (double[])prices.Clone();
        double agility = 1;
        for (int step = 0; step < Steps; step++)
        {
            double value = Relax(costs, stride, prices);
            if (value > best)
            {
                best = value;
                prices.CopyTo(bestPrices, 0);
            }
            else
            {
                agility *= 0.7;
            }

            double norm = _uses.Sum(use => (1 - use) * (1 - use));
            if (norm == 0 || found - best <= 1e-12 * Math.Abs(found))
                break;
            for (int head = 0; head < heads; head++)
                prices[head] += agility * (found - value) / norm * (1 - _uses[head]);
        }

        bestPrices.CopyTo(prices, 0);
        return Math.Min(best, found);
    }

    /// <summary>Sum of head prices plus the K most negative sums of (cost - price) over the heads that gain.</summary>
    private double Relax(double[] costs, int stride, double[] prices)
    {
        Array.Clear(_gain);
        for (int head = 0; head < heads; head++)
        {
            for (int rule = 0; rule < rules; rule++)
                _gain[rule] += Math.Min(0, costs[head * stride + rule] - prices[head]);
        }

        for (int rule = 0; rule < rules; rule++)
            _order[rule] = rule;
        Array.Sort(_order, (a, b) => _gain[a] != _gain[b] ? _gain[a].CompareTo(_gain[b]) : a.CompareTo(b));
        Array.Clear(_uses);
        double value = prices.Sum();
        foreach (int rule in _order.AsSpan(0, setSize))
        {
            value += _gain[rule];
            for (int head = 0; head < heads; head++)
                _uses[head] += costs[head * stride + rule] < prices[head] ? 1 : 0;
        }

        return value;
    }

    private double[] SecondLeast(double[] costs, int stride)
    {
        double[] result = new double[heads];
        for (int head = 0; head < heads; head++)
            result[head] = costs.AsSpan(head * stride, rules).ToArray().Order().ElementAt(Math.Min(1, rules - 1));
        return result;
    }

    private double FindSet(double[] costs, int stride, int[] set)
    {
        Array.Fill(set, -1);
        double value = double.PositiveInfinity;
        for (int place = 0; place < setSize; place++)
            value = Replace(costs, stride, set, place, double.PositiveInfinity);
        for (bool improved = true; improved;)
        {
            improved = false;
            for (int place = 0; place < setSize; place++)
            {
                double exchanged = Replace(costs, stride, set, place, value);
                improved |= exchanged < value;
                value = exchanged;
            }
        }

        return value;
    }

    /// <summary>Puts the best rule at one place of the set if that beats a value; returns the set's value.</summary>
    private double Replace(double[] costs, int stride, int[] set, int place, double value)
    {
        Array.Clear(_gain);
        for (int head = 0; head < heads; head++)
        {
            double least = double.PositiveInfinity;
            for (int other = 0; other < set.Length; other++)
            {
                if (other != place && set[other] >= 0)
                    least = Math.Min(least, costs[head * stride + set[other]]);
            }

            for (int rule = 0; rule < rules; rule++)
                _gain[rule] += Math.Min(least, costs[head * stride + rule]);
        }

        for (int rule = 0; rule < rules; rule++)
        {
            if (_gain[rule] < value)
            {
                value = _gain[rule];
                set[place] = rule;
            }
        }

        return value;
    }
}
