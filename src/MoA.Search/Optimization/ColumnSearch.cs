namespace MoA.Search.Optimization;

/// <summary>
/// Branch and bound over a column pool. Every node maximises its own dual, drops the columns that its bound rules out,
/// and is split at the group whose columns the fractional solution mixes most.
/// </summary>
internal sealed class ColumnSearch
{
    private const double DualPrecision = 1e-9;
    private const int RootIterations = 400;
    private const int NodeIterations = 60;
    private const int LeastNodes = 100;

    private readonly CoupledProgramme _programme;
    private readonly ColumnPool _pool;
    private readonly SearchEffort _effort;
    private readonly ColumnImprovement _improvement;
    private readonly PriorityQueue<Node, (double Bound, long Order)> _open = new();
    private readonly double _costSpread;
    private double _leastPruned = double.PositiveInfinity;
    private double _cutoffWithoutPlan;
    private long _nodes;

    public ColumnSearch(CoupledProgramme programme, ColumnPool pool, SearchEffort effort)
    {
        _programme = programme;
        _pool = pool;
        _effort = effort;
        _improvement = new ColumnImprovement(programme, pool, effort);
        _costSpread = programme.CostSpread();
    }

    /// <summary>
    /// A search over the rules of single heads. Where few rules serve many heads, it is how many take each that decides whether
    /// whole blocks add up: these numbers then become rows, at which nodes are split first.
    /// </summary>
    /// <param name="programme">The programme, within some limits.</param>
    /// <param name="heads">Its heads' rules.</param>
    /// <param name="rules">The rules that may be chosen.</param>
    /// <param name="effort">What may be spent.</param>
    public static ColumnSearch OfHeads(CoupledProgramme programme, ColumnPool heads, int[] rules, SearchEffort effort)
    {
        if (rules.Length > heads.Groups)
            return new ColumnSearch(programme, heads, effort);
        CoupledProgramme counted = programme.WithCounts(rules);
        return new ColumnSearch(counted, ColumnPool.OfHeads(counted), effort);
    }

    /// <summary>Cost of the best choice that keeps the limits; infinity if there is none.</summary>
    public double BestCost { get; private set; } = double.PositiveInfinity;

    /// <summary>[groups]: columns of the best choice, null if it was given from outside or there is none.</summary>
    public int[]? BestChosen { get; private set; }

    /// <summary>Proven: no choice of columns that keeps the limits costs less than this and <see cref="BestCost"/>.</summary>
    public double Bound { get; private set; }

    /// <summary>The prices at the root.</summary>
    public double[] RootPrices { get; private set; } = [];

    /// <summary>Searches until the gap is closed or a share of the effort is spent.</summary>
    /// <param name="columns">Columns that may be chosen; at least one of every group.</param>
    /// <param name="prices">Prices to start from.</param>
    /// <param name="bound">A bound that is already proven.</param>
    /// <param name="knownCost">Cost of a choice found before, or infinity.</param>
    /// <param name="effortShare">Share of all work after which to stop.</param>
    public void Run(
        ColumnSet columns, ReadOnlySpan<double> prices, double bound, double knownCost, double effortShare)
    {
        BestCost = knownCost;
        _cutoffWithoutPlan = _programme.CostBeyondAll();
        double[] start = new double[_programme.Rows];
        prices.CopyTo(start);
        Node? current = new(columns, bound, start, [], _programme.Lower, _programme.Upper);
        while (true)
        {
            if (current is null && !_open.TryDequeue(out current, out _))
                break;
            if (current.Bound >= Cutoff)
            {
                current = Prune(current);
                continue;
            }

            // A plan comes first, however little effort is allowed: the root gives one as a rule, else a short dive does.
            bool isNeeded = _nodes == 0 || (double.IsPositiveInfinity(BestCost) && _nodes < LeastNodes);
            if (!isNeeded && _effort.IsSpent(effortShare))
            {
                _open.Enqueue(current, (current.Bound, _nodes++));
                break;
            }

            current = Process(current);
        }

        double open = _open.TryPeek(out _, out (double Bound, long Order) first) ? first.Bound : double.PositiveInfinity;
        Bound = Math.Max(bound, Math.Min(Math.Min(open, _leastPruned), BestCost));
    }

    private double Cutoff => double.IsPositiveInfinity(BestCost)
        ? _cutoffWithoutPlan
        : BestCost - _effort.RelativeGap * 0.5 * Math.Abs(BestCost);

    /// <summary>Bounds a node and splits it; returns the child to go on with, or null.</summary>
    private Node? Process(Node node)
    {
        NodeProgramme programme = new(_pool, node.Allowed);
        if (programme.IsEmpty)
            return null;
        PriceAscent ascent = new(node.Lower, node.Upper, _effort);
        List<PricedChoice> known = node.Known.FindAll(
            choice => Array.TrueForAll(choice.Chosen, node.Allowed.Contains));
        ascent.Maximise(
            programme,
            node.Prices,
            known,
            _costSpread,
            Cutoff,
            DualPrecision,
            () => new PricedChoice(_programme.Rows, _pool.Groups),
            _nodes == 0 ? RootIterations : NodeIterations);
        node.Bound = Math.Max(node.Bound, ascent.Bound);
        bool isRoot = _nodes++ == 0;
        if (isRoot)
            RootPrices = ascent.BestPrices;
        if (node.Bound >= Cutoff)
            return Prune(node);

        double[] weights = Weights(ascent.Master!);
        if (isRoot || _nodes < 30 || _nodes % 32 == 0)
            TryRounding(weights, programme, ascent.BestPrices);
        else
            TryPlain(weights, programme);
        if (node.Bound >= Cutoff)
            return Prune(node);
        return Branch(node, programme, ascent, weights);
    }

    private Node? Prune(Node node)
    {
        // Without a plan the cutoff is dearer than any choice: nothing in the node keeps the limits.
        if (double.IsFinite(BestCost))
            _leastPruned = Math.Min(_leastPruned, node.Bound);
        return null;
    }

    private double[] Weights(PriceMaster master)
    {
        double[] weights = new double[_pool.Columns];
        foreach ((PricedChoice choice, double weight) in master.Mixture())
        {
            foreach (int column in choice.Chosen)
                weights[column] += weight;
        }

        return weights;
    }

    private int[] Rounded(double[] weights, NodeProgramme programme)
    {
        int[] chosen = new int[_pool.Groups];
        for (int group = 0; group < chosen.Length; group++)
        {
            ReadOnlySpan<int> columns = programme.ColumnsOf(group);
            chosen[group] = columns[0];
            foreach (int column in columns)
            {
                if (weights[column] > weights[chosen[group]])
                    chosen[group] = column;
            }
        }

        return chosen;
    }

    private void TryRounding(double[] weights, NodeProgramme programme, double[] prices)
    {
        int[] chosen = Rounded(weights, programme);
        _effort.Add(200L * programme.Columns.Length * _programme.Rows);
        if (_improvement.Improve(chosen, programme.Columns, prices) && _improvement.Cost < BestCost)
        {
            BestCost = _improvement.Cost;
            BestChosen = chosen;
        }
    }

    private void TryPlain(double[] weights, NodeProgramme programme)
    {
        int[] chosen = Rounded(weights, programme);
        double cost = 0;
        double[] usage = new double[_programme.Rows];
        foreach (int column in chosen)
        {
            cost += _pool.Cost[column];
            for (int row = 0; row < usage.Length; row++)
                usage[row] += _pool.Usage[row][column];
        }

        if (cost < BestCost && _programme.Violation(usage) <= 1e-11)
        {
            BestCost = cost;
            BestChosen = chosen;
        }
    }

    private Node? Branch(Node node, NodeProgramme programme, PriceAscent ascent, double[] weights)
    {
        if (double.IsFinite(BestCost))
        {
            // What a column costs beyond the bound, every choice with it costs too.
            programme.RemoveBeyond(ascent.BestPrices, BestCost - ascent.Bound + 1e-12 * Math.Abs(BestCost), node.Allowed);
        }

        List<PricedChoice> known = [.. ascent.Master!.Mixture().Select(part => part.Choice)];
        if (SplitCount(ascent.Master!) is (int row, double count))
            return BranchOnCount(node, ascent.BestPrices, known, row, count);
        (int group, Predicate<int>? isFirst) = ColumnSplit.Of(_pool, programme, node.Allowed, weights);
        if (isFirst is null)
        {
            TryPlain(weights, new NodeProgramme(_pool, node.Allowed));
            return null;
        }

        ColumnSet first = node.Allowed.Copy();
        ColumnSet second = node.Allowed;
        double firstWeight = 0;
        foreach (int column in programme.ColumnsOf(group))
        {
            if (isFirst(column))
            {
                second.Remove(column);
                firstWeight += weights[column];
            }
            else
            {
                first.Remove(column);
            }
        }

        Node one = new(first, node.Bound, ascent.BestPrices, known, node.Lower, node.Upper);
        Node other = new(second, node.Bound, ascent.BestPrices, known, node.Lower, node.Upper);
        if (firstWeight < 0.5)
            (one, other) = (other, one);
        _open.Enqueue(other, (other.Bound, _nodes++));
        return one;
    }

    /// <summary>
    /// The row of heads that take a rule in which the fractional solution is farthest from a whole number, and its number there; null
    /// if there is none. With whole numbers in all rows whole blocks add up, and what is left is to share out the rules.
    /// </summary>
    private (int Row, double Count)? SplitCount(PriceMaster master)
    {
        double farthest = 1e-6;
        (int, double)? split = null;
        for (int row = _programme.CountRows.First; row < _programme.CountRows.End; row++)
        {
            double count = master.Mixture().Sum(part => part.Weight * part.Choice.Usage[row]) * _pool.Groups;
            double distance = Math.Abs(count - Math.Round(count));
            if (distance > farthest)
                (farthest, split) = (distance, (row, count));
        }

        return split;
    }

    private Node BranchOnCount(Node node, double[] prices, List<PricedChoice> known, int row, double count)
    {
        double[] upper = [.. node.Upper];
        double[] lower = [.. node.Lower];
        upper[row] = (Math.Floor(count) + 1e-7) / _pool.Groups;
        lower[row] = (Math.Ceiling(count) - 1e-7) / _pool.Groups;
        Node fewer = new(node.Allowed.Copy(), node.Bound, prices, known, node.Lower, upper);
        Node more = new(node.Allowed, node.Bound, prices, known, lower, node.Upper);
        if (count - Math.Floor(count) >= 0.5)
            (fewer, more) = (more, fewer);
        _open.Enqueue(more, (more.Bound, _nodes++));
        return fewer;
    }

    private sealed class Node(
        ColumnSet allowed, double bound, double[] prices, List<PricedChoice> known, double[] lower, double[] upper)
    {
        /// <summary>[rows]: limits, narrower than the programme's where counts were split.</summary>
        public double[] Lower { get; } = lower;

        public double[] Upper { get; } = upper;

        public ColumnSet Allowed { get; } = allowed;

        public double Bound { get; set; } = bound;

        public double[] Prices { get; } = prices;

        public List<PricedChoice> Known { get; } = known;
    }
}
