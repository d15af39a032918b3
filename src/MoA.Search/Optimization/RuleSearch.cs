namespace MoA.Search.Optimization;

/// <summary>
/// Branch and bound over the rules of each layer. A node says which rules a layer may use and which are among its K; its bound
/// is the dual over all choices of the layers (<see cref="LayerRules"/>). It bars what costs more than the gap from each head. It
/// is split at a rule that the fractional solution uses in part, where that uses more than K in a layer: the layer has the rule, or
/// does without; elsewhere at a head, whose rules are parted by their cost. Where every layer is down to K rules, heads are free of
/// each other, and <see cref="ColumnSearch"/> settles the node.
/// </summary>
internal sealed class RuleSearch(CoupledProgramme programme, SearchEffort effort)
{
    private const int Iterations = 60;
    private const double ShareOfImprovement = 0.003;

    private readonly PriorityQueue<Node, (double Bound, long Order)> _open = new();
    private readonly HashSet<string> _tried = [];
    private double _leastPruned = double.PositiveInfinity;
    private double _cutoffWithoutPlan;
    private CoupledProgramme _limited = null!;
    private ColumnPool _heads = null!;
    private long _nodes;

    private double BestCost { get; set; }

    private int[]? Best { get; set; }

    private double Cutoff => double.IsPositiveInfinity(BestCost)
        ? _cutoffWithoutPlan
        : BestCost - effort.RelativeGap * 0.5 * Math.Abs(BestCost);

    /// <summary>Searches until the gap is closed or a share of the effort is spent.</summary>
    /// <param name="limited">The programme, within some limits.</param>
    /// <param name="start">Prices to start from.</param>
    /// <param name="bound">A bound that is already proven.</param>
    /// <param name="knownCost">Cost of a choice found before, or infinity.</param>
    /// <param name="effortShare">Share of all effort after which to stop.</param>
    public SearchOutcome Run(CoupledProgramme limited, double[] start, double bound, double knownCost, double effortShare)
    {
        _limited = limited;
        _heads = ColumnPool.OfHeads(programme);
        _cutoffWithoutPlan = programme.CostBeyondAll();
        BestCost = knownCost;
        LayerRules[] layers = [.. Enumerable.Range(0, programme.Layers).Select(layer => new LayerRules(programme, layer))];
        Node? current = new(layers, bound, start, []);
        while (current is not null || _open.TryDequeue(out current, out _))
        {
            if (current.Bound >= Cutoff)
            {
                current = Prune(current.Bound);
                continue;
            }

            if (effort.IsSpent(effortShare))
            {
                _open.Enqueue(current, (current.Bound, _nodes++));
                break;
            }

            current = Process(current, effortShare);
        }

        double open = _open.TryPeek(out _, out (double Bound, long Order) first) ? first.Bound : double.PositiveInfinity;
        double least = Math.Min(Math.Min(open, _leastPruned), BestCost);
        return new SearchOutcome(Best, BestCost, Math.Max(bound, least), start);
    }

    private Node? Process(Node node, double effortShare)
    {
        NodeLayers priced = new(node.Layers);
        PriceAscent ascent = new(_limited.Lower, _limited.Upper, effort);
        List<PricedChoice> known = node.Known.FindAll(choice => Array.TrueForAll(node.Layers, layer => layer.Allows(choice)));
        // More exact than the gap asks for would only take time.
        double gap = (Cutoff - node.Bound) / Math.Max(Math.Abs(node.Bound), 1e-9);
        double tolerance = double.IsFinite(gap) ? Math.Clamp(0.02 * gap, 1e-9, 1e-4) : 1e-4;
        ascent.Maximise(priced, node.Prices, known, programme.CostSpread(), Cutoff, tolerance, CreateChoice, Iterations);
        node.Bound = Math.Max(node.Bound, ascent.Bound);
        if (node.Bound >= Cutoff)
            return Prune(node.Bound);
        int[] heaviest = ascent.Master!.Mixture().MaxBy(part => part.Weight).Choice.Chosen;
        if (!Array.TrueForAll(node.Layers, layer => layer.IsFree))
            Improve(heaviest, ascent.BestPrices);
        if (node.Bound >= Cutoff)
            return Prune(node.Bound);
        LayerRules[] layers = Narrowed(node.Layers, priced, ascent);
        if (Array.Exists(layers, layer => layer.IsEmpty))
            return null;
        if (Array.TrueForAll(layers, layer => layer.IsFree))
            return Settle(layers, ascent.BestPrices, node.Bound, effortShare);
        return Branch(node, layers, ascent);
    }

    private PricedChoice CreateChoice() => new(programme.Rows, programme.Layers * programme.Heads);

    private Node? Prune(double bound)
    {
        // Without a plan the cutoff is dearer than any choice: nothing in the node keeps the limits.
        if (double.IsFinite(BestCost))
            _leastPruned = Math.Min(_leastPruned, bound);
        return null;
    }

    /// <summary>Without what no choice better than the best one has.</summary>
    private LayerRules[] Narrowed(LayerRules[] layers, NodeLayers priced, PriceAscent ascent)
    {
        if (double.IsPositiveInfinity(BestCost))
            return layers;
        // The layers are priced anew, which may come out a little different.
        double value = priced.Price(ascent.BestPrices, CreateChoice()) + ascent.LimitsAt(ascent.BestPrices);
        double distance = BestCost - value + 1e-11 * Math.Abs(BestCost);
        effort.Add(2 * priced.LastWork);
        return [.. layers.Select(layer => layer.Without(ascent.BestPrices, distance))];
    }

    /// <summary>The best choice with the rules that each layer has left.</summary>
    private Node? Settle(LayerRules[] layers, double[] prices, double bound, double effortShare)
    {
        ColumnSet allowed = ColumnSet.None(_heads.Columns);
        for (int head = 0; head < _heads.Groups; head++)
        {
            foreach (int rule in AllowedTo(layers, head))
                allowed.Add(_heads.Start[head] + rule);
        }

        _ = Prune(Search(allowed, prices, bound, effortShare));
        return null;
    }

    /// <summary>The best choice in which layers use no other rules than in a given one, unless these were tried before.</summary>
    private void Improve(int[] choice, double[] prices)
    {
        int[][] rules = [.. choice.Chunk(programme.Heads).Select(layer => layer.Distinct().Order().ToArray())];
        if (!_tried.Add(string.Join('|', rules.Select(layer => string.Join(',', layer)))))
            return;
        ColumnSet allowed = ColumnSet.None(_heads.Columns);
        for (int head = 0; head < choice.Length; head++)
        {
            foreach (int rule in rules[head / programme.Heads])
                allowed.Add(_heads.Start[head] + rule);
        }

        _ = Search(allowed, prices, double.NegativeInfinity, effort.SpentShare + ShareOfImprovement);
    }

    /// <summary>The best choice of some columns; returns a bound for them, infinity if they hold no plan.</summary>
    private double Search(ColumnSet allowed, double[] prices, double bound, double effortShare)
    {
        int[] rules = [.. allowed.ToArray().Select(column => column % programme.Rules).Distinct()];
        CoupledProgramme narrowed = _limited.ForRules(rules);
        if (narrowed.ExcludesAll)
            return double.PositiveInfinity;
        ColumnSearch search = ColumnSearch.OfHeads(narrowed, _heads, rules, effort);
        search.Run(allowed, prices, bound, BestCost, effortShare);
        if (search.BestChosen is int[] chosen)
            (Best, BestCost) = (_heads.RulesOf(chosen), search.BestCost);
        return search.Bound;
    }

    private Node Branch(Node node, LayerRules[] layers, PriceAscent ascent)
    {
        List<PricedChoice> known = [.. ascent.Master!.Mixture().Select(part => part.Choice)];
        double[] weights = Weights(ascent.Master!);
        (int layer, int rule, double use) = SplitRule(layers, ascent.Master!, known);
        LayerRules first, second;
        if (layer >= 0)
        {
            (first, second) = (layers[layer].With(rule), layers[layer].Without(rule));
        }
        else
        {
            (int head, int[] cheap, int[] dear, use) = SplitHead(layers, weights);
            layer = head / programme.Heads;
            (first, second) = (layers[layer].Barring(head % programme.Heads, dear), layers[layer].Barring(head % programme.Heads, cheap));
        }

        Node one = Child(first), other = Child(second);
        if (use < 0.5)
            (one, other) = (other, one);
        _open.Enqueue(other, (other.Bound, _nodes++));
        return one;

        Node Child(LayerRules changed) =>
            new([.. layers.Select((part, l) => l == layer ? changed : part)], node.Bound, ascent.BestPrices, known);
    }

    private double[] Weights(PriceMaster master)
    {
        double[] weights = new double[_heads.Columns];
        foreach ((PricedChoice choice, double weight) in master.Mixture())
        {
            for (int head = 0; head < choice.Chosen.Length; head++)
                weights[_heads.Start[head] + choice.Chosen[head]] += weight;
        }

        return weights;
    }

    /// <summary>
    /// In the layers whose part of the fractional solution uses more than K rules, the rule that is used most evenly, and how
    /// much; no layer if there is none.
    /// </summary>
    private (int Layer, int Rule, double Use) SplitRule(LayerRules[] layers, PriceMaster master, List<PricedChoice> known)
    {
        (int Layer, int Rule, double Use) best = (-1, -1, 0);
        double mostEven = 1e-9;
        for (int layer = 0; layer < layers.Length; layer++)
        {
            if (layers[layer].IsFree)
                continue;
            double[] use = new double[programme.Rules];
            foreach ((PricedChoice choice, double weight) in master.Mixture())
            {
                foreach (int rule in choice.Chosen.AsSpan(layer * programme.Heads, programme.Heads).ToArray().Distinct())
                    use[rule] += weight;
            }

            if (use.Count(weight => weight > 1e-9) <= programme.MaxRules)
                continue;
            foreach (int rule in layers[layer].Rules.Except(layers[layer].Forced))
            {
                double even = Math.Min(use[rule], 1 - use[rule]);
                if (even > mostEven)
                    (mostEven, best) = (even, (layer, rule, use[rule]));
            }
        }

        return best;
    }

    /// <summary>The head whose rules the fractional solution mixes most, and its rules parted by their cost.</summary>
    private (int Head, int[] Cheap, int[] Dear, double WeightOfCheap) SplitHead(LayerRules[] layers, double[] weights)
    {
        double widest = double.NegativeInfinity;
        int split = -1;
        double threshold = 0;
        for (int head = 0; head < _heads.Groups; head++)
        {
            int[] allowed = AllowedTo(layers, head);
            if (allowed.Length < 2)
                continue;
            double mean = 0, total = 0, spread = 0;
            foreach (int rule in allowed)
            {
                mean += weights[_heads.Start[head] + rule] * _heads.Cost[_heads.Start[head] + rule];
                total += weights[_heads.Start[head] + rule];
            }

            mean = total > 0 ? mean / total : 0;
            foreach (int rule in allowed)
                spread += weights[_heads.Start[head] + rule] * Math.Abs(_heads.Cost[_heads.Start[head] + rule] - mean);
            if (spread > widest)
                (widest, split, threshold) = (spread, head, mean);
        }

        int[] rules = AllowedTo(layers, split);
        int[] cheap = [.. rules.Where(rule => _heads.Cost[_heads.Start[split] + rule] <= threshold)];
        if (cheap.Length == 0 || cheap.Length == rules.Length)
            cheap = [rules.MaxBy(rule => weights[_heads.Start[split] + rule])];
        return (split, cheap, [.. rules.Except(cheap)], cheap.Sum(rule => weights[_heads.Start[split] + rule]));
    }

    private int[] AllowedTo(LayerRules[] layers, int head)
    {
        LayerRules layer = layers[head / programme.Heads];
        return [.. layer.Rules.Where(rule => !layer.IsBarred(head % programme.Heads, rule))];
    }

    private sealed class Node(LayerRules[] layers, double bound, double[] prices, List<PricedChoice> known)
    {
        public LayerRules[] Layers { get; } = layers;

        public double Bound { get; set; } = bound;

        public double[] Prices { get; } = prices;

        public List<PricedChoice> Known { get; } = known;
    }

    private sealed class NodeLayers(LayerRules[] layers) : IPricedProgramme
    {
        public long LastWork { get; private set; }

        public double Price(ReadOnlySpan<double> prices, PricedChoice choice)
        {
            choice.Cost = 0;
            Array.Clear(choice.Usage);
            double value = 0;
            LastWork = 0;
            foreach (LayerRules layer in layers)
            {
                long before = layer.SetWork;
                value += layer.Price(prices, choice);
                LastWork += layer.Work + (layer.SetWork - before) / 2;
            }

            return value;
        }
    }
}
