using System.Numerics;

namespace MoA.Search.Optimization;

/// <summary>
/// Sets of at most K rules for the heads of a layer, where every head takes the cheapest rule of the set. Pricing the
/// condition that a head takes exactly one rule (the Lagrangian of the p-median problem) gives every rule a gain, such that
/// no set is worth less than the head prices and the gains of its rules together. So the sets of least value are found by
/// walking through the rules in order of their gains, and few have to be looked at.
/// </summary>
internal sealed class RuleSetSearch
{
    /// <summary>Subgradient steps before the first walk, doubled for every further one.</summary>
    private const int FirstSteps = 12;

    /// <summary>A bound this near to a value is as good as the value.</summary>
    private const double Precision = 1e-8;

    private const int MostVisits = 200_000;

    private readonly int _heads;
    private readonly int _rules;
    private readonly int _greatestSet;

    /// <summary>Times that the prices are improved, and sets that a walk may extend before that (twice as many each time).</summary>
    private readonly int _rounds;
    private readonly int _nodesPerRound;
    private readonly double[][] _headPrices;
    private readonly int[][] _lastSets;
    private readonly double[] _gain;
    private readonly double[] _uses;
    private readonly double[] _leastLoss;
    private readonly RuleSetLevel[] _levels;
    private readonly int[] _set;

    public RuleSetSearch(int layers, int heads, int rules, int greatestSet, bool isQuick = false)
    {
        (_rounds, _nodesPerRound) = isQuick ? (4, 20) : (4, 200);
        _heads = heads;
        _rules = rules;
        _greatestSet = Math.Min(greatestSet, rules);
        Stride = (rules + Vector<double>.Count - 1) / Vector<double>.Count * Vector<double>.Count;
        _headPrices = new double[layers][];
        _lastSets = new int[layers][];
        _gain = new double[Stride];
        _uses = new double[heads];
        _leastLoss = new double[Stride];
        _levels = [.. Enumerable.Range(0, _greatestSet + 1).Select(_ => new RuleSetLevel(heads, rules))];
        _levels[0].Least.AsSpan().Fill(double.PositiveInfinity);
        _set = new int[_greatestSet];
    }

    /// <summary>Distance between the rows of a matrix of costs: the rules, rounded up to whole vectors.</summary>
    public int Stride { get; }

    /// <summary>Arithmetic so far, in operations.</summary>
    public long Work { get; private set; }

    /// <summary>The least value of any set, or a number below it if that would take too long.</summary>
    /// <param name="layer">Layer, whose head prices and best set are kept from call to call.</param>
    /// <param name="costs">[heads, <see cref="Stride"/>]: cost of every rule; large in the columns beyond the rules.</param>
    /// <param name="set">Receives the best set found, with at most K different rules.</param>
    /// <returns>The value, and whether it is that of the set.</returns>
    public (double Value, bool IsExact) Least(int layer, double[] costs, out int[] set)
    {
        set = _lastSets[layer] ??= GreedySet(costs);
        double found = Exchange(costs, set);
        double[] prices = _headPrices[layer] ??= SecondLeast(costs);
        int steps = FirstSteps;
        double bound = double.NegativeInfinity;
        for (int round = 0; round < _rounds; round++, steps *= 2)
        {
            bound = Math.Max(bound, Ascend(costs, prices, found, steps));
            if (found - bound <= Precision * Math.Abs(found))
                return (bound, false);
            RuleSetWalk walk = new(found, prices, _nodesPerRound << round, set);
            OrderAll(costs, prices);
            if (Extend(costs, 0, ref walk))
                return (walk.Limit, true);
            found = walk.Limit;
        }

        return (Math.Min(bound, found), false);
    }

    /// <summary>
    /// Visits, after <see cref="Least"/> for the same costs, the sets of 1 to K rules that may have a choice of at most a given
    /// value in which every rule of the set is used.
    /// </summary>
    /// <returns>Whether all were visited: not if the visitor ended it, or too many sets had to be looked at.</returns>
    public bool Visit(int layer, double[] costs, double limit, Func<int[], bool> visitor)
    {
        RuleSetWalk walk = new(limit, _headPrices[layer], MostVisits, null) { Visitor = visitor };
        OrderAll(costs, walk.HeadPrices);
        return Extend(costs, 0, ref walk);
    }

    /// <summary>
    /// After <see cref="Least"/> for the same costs: for every head and rule a number that no choice in which the head takes the
    /// rule is worth less than. Other rules then gain nothing from that head.
    /// </summary>
    /// <param name="layer">Layer.</param>
    /// <param name="costs">[heads, <see cref="Stride"/>]: cost of every rule.</param>
    /// <param name="bounds">[heads, <see cref="Stride"/>]: receives the numbers.</param>
    public void BoundsOfPairs(int layer, double[] costs, double[] bounds)
    {
        double[] prices = _headPrices[layer];
        OrderAll(costs, prices);
        double[] rest = new double[_rules];
        double[] sorted = new double[_rules];
        for (int head = 0; head < _heads; head++)
        {
            for (int rule = 0; rule < _rules; rule++)
                rest[rule] = _gain[rule] - Math.Min(0, costs[head * Stride + rule] - prices[head]);
            rest.CopyTo(sorted, 0);
            Array.Sort(sorted);
            double most = _levels[0].Bound - prices[head];
            for (int place = 0; place < _greatestSet - 1; place++)
                most += sorted[place];
            for (int rule = 0; rule < _rules; rule++)
            {
                bool isAmong = _greatestSet > 1 && rest[rule] <= sorted[_greatestSet - 2];
                bounds[head * Stride + rule] =
                    most + (isAmong ? sorted[_greatestSet - 1] : rest[rule]) + costs[head * Stride + rule];
            }
        }

        Work += 8L * _heads * _rules;
    }

    /// <summary>
    /// Extends the set of a level by one of its candidates or more; false if the walk was cut short.
    /// </summary>
    private bool Extend(double[] costs, int depth, ref RuleSetWalk walk)
    {
        RuleSetLevel level = _levels[depth];
        RuleSetLevel next = _levels[depth + 1];
        for (int place = 0; place < level.Count; place++)
        {
            int last = Math.Min(level.Count, place + _greatestSet - depth);
            double own = level.Bound + level.Gain[place];
            double completed = own;
            for (int other = place + 1; other < last; other++)
                completed += Math.Min(0, level.Gain[other]);
            if (!walk.IsWithin(completed))
                return true;
            if (walk.NodesLeft-- <= 0)
                return false;
            int rule = level.Rule[place];
            _set[depth] = rule;
            double value = 0;
            next.Bound = 0;
            for (int head = 0; head < _heads; head++)
            {
                double least = Math.Min(level.Least[head], costs[head * Stride + rule]);
                next.Least[head] = least;
                next.Floor[head] = Math.Min(least, walk.HeadPrices[head]);
                next.Bound += next.Floor[head];
                value += least;
            }

            Work += 4 * _heads;
            if (walk.IsWithin(own) && walk.IsWithin(value) && !walk.Take(_set.AsSpan(0, depth + 1), value))
                return false;
            if (depth + 1 == _greatestSet)
                continue;
            level.Rule.AsSpan(place + 1, level.Count - place - 1).CopyTo(next.Rule);
            next.Count = level.Count - place - 1;
            Order(costs, next);
            if (!Extend(costs, depth + 1, ref walk))
                return false;
        }

        return true;
    }

    /// <summary>Raises the head prices by subgradient steps; returns the best bound, whose prices are kept.</summary>
    private double Ascend(double[] costs, double[] prices, double found, int steps)
    {
        double best = double.NegativeInfinity;
        double[] bestPrices = (double[])prices.Clone();
        double agility = 1;
        for (int step = 0; step < steps; step++)
        {
            double value = Relax(costs, prices);
            if (value > best)
            {
                best = value;
                prices.CopyTo(bestPrices, 0);
            }
            else
            {
                agility *= 0.75;
            }

            double norm = 0;
            foreach (double use in _uses)
                norm += (1 - use) * (1 - use);
            if (norm == 0 || found - best <= 1e-12 * Math.Abs(found))
                break;
            double length = agility * (found - value) / norm;
            for (int head = 0; head < _heads; head++)
                prices[head] += length * (1 - _uses[head]);
        }

        bestPrices.CopyTo(prices, 0);
        return best;
    }

    /// <summary>Head prices plus the K greatest gains; counts by how many of these rules each head gains.</summary>
    private double Relax(double[] costs, double[] prices)
    {
        OrderAll(costs, prices);
        RuleSetLevel all = _levels[0];
        Array.Clear(_uses);
        double value = all.Bound;
        for (int place = 0; place < _greatestSet; place++)
        {
            value += Math.Min(0, all.Gain[place]);
            int rule = all.Rule[place];
            for (int head = 0; head < _heads; head++)
                _uses[head] += costs[head * Stride + rule] < prices[head] ? 1 : 0;
        }

        return value;
    }

    private void OrderAll(double[] costs, double[] prices)
    {
        RuleSetLevel all = _levels[0];
        prices.CopyTo(all.Floor, 0);
        all.Bound = prices.Sum();
        all.Count = _rules;
        for (int rule = 0; rule < _rules; rule++)
            all.Rule[rule] = rule;
        Order(costs, all);
    }

    /// <summary>
    /// Orders the candidates of a level by what they gain over its floor (a negative number), most first. A rule that gains
    /// nothing must still be used by some head, or the set without it is meant: it costs what that head loses.
    /// </summary>
    private void Order(double[] costs, RuleSetLevel level)
    {
        Array.Clear(_gain);
        _leastLoss.AsSpan().Fill(double.PositiveInfinity);
        for (int head = 0; head < _heads; head++)
        {
            Vector<double> floor = new(level.Floor[head]);
            for (int rule = 0; rule < Stride; rule += Vector<double>.Count)
            {
                Vector<double> loss = new Vector<double>(costs, head * Stride + rule) - floor;
                (new Vector<double>(_gain, rule) + Vector.Min(Vector<double>.Zero, loss)).CopyTo(_gain, rule);
                Vector.Min(new Vector<double>(_leastLoss, rule), loss).CopyTo(_leastLoss, rule);
            }
        }

        for (int place = 0; place < level.Count; place++)
        {
            int rule = level.Rule[place];
            level.Gain[place] = _gain[rule] < 0 ? _gain[rule] : _leastLoss[rule];
        }

        Array.Sort(level.Gain, level.Rule, 0, level.Count);
        Work += (long)_heads * _rules + 10L * level.Count;
    }

    private double[] SecondLeast(double[] costs)
    {
        double[] result = new double[_heads];
        for (int head = 0; head < _heads; head++)
            result[head] = costs.AsSpan(head * Stride, _rules).ToArray().Order().ElementAt(Math.Min(1, _rules - 1));
        return result;
    }

    private int[] GreedySet(double[] costs)
    {
        int[] set = new int[_greatestSet];
        Array.Fill(set, -1);
        for (int place = 0; place < set.Length; place++)
            _ = Replace(costs, set, place, double.PositiveInfinity);
        return set;
    }

    /// <summary>Exchanges single rules of a set while that lowers its value; returns the value.</summary>
    private double Exchange(double[] costs, int[] set)
    {
        double value = Replace(costs, set, 0, double.PositiveInfinity);
        int unchanged = 1;
        for (int place = 1; unchanged < set.Length; place++)
        {
            double exchanged = Replace(costs, set, place % set.Length, value);
            unchanged = exchanged < value ? 1 : unchanged + 1;
            value = exchanged;
        }

        return value;
    }

    /// <summary>Puts the best rule at one place of the set if that beats a value; returns the set's value.</summary>
    private double Replace(double[] costs, int[] set, int place, double value)
    {
        Array.Clear(_gain);
        for (int head = 0; head < _heads; head++)
        {
            double least = double.MaxValue / (_heads + 1);
            for (int other = 0; other < set.Length; other++)
            {
                if (other != place && set[other] >= 0)
                    least = Math.Min(least, costs[head * Stride + set[other]]);
            }

            Vector<double> others = new(least);
            for (int rule = 0; rule < Stride; rule += Vector<double>.Count)
            {
                Vector<double> cost = Vector.Min(others, new Vector<double>(costs, head * Stride + rule));
                (new Vector<double>(_gain, rule) + cost).CopyTo(_gain, rule);
            }
        }

        Work += (long)_heads * (_rules + set.Length);
        for (int rule = 0; rule < _rules; rule++)
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
