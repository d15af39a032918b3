namespace MoA.Search.Optimization;

/// <summary>
/// A layer of a programme that may use only some of the rules, and has to have some of them among its K: one part of a node of
/// <see cref="RuleSearch"/>. Its choices at given prices are those of <see cref="RuleSetSearch"/>, where a rule that has to be
/// there is the only cheap one of a head that stands for it.
/// </summary>
internal sealed class LayerRules
{
    private readonly CoupledProgramme _programme;
    private readonly int _layer;
    private readonly int _greatestSet;
    private readonly RuleSetSearch? _sets;
    private readonly int _stride;
    private readonly double[] _cost;
    private readonly double[][] _usage;
    private readonly double[] _priced;
    private readonly int[] _all;
    private readonly bool[] _isBarred;
    private int[] _set = [];

    /// <summary>All of a layer's choices.</summary>
    public LayerRules(CoupledProgramme programme, int layer)
        : this(programme, layer, [.. Enumerable.Range(0, programme.Rules)], [], new bool[programme.Heads * programme.Rules])
    {
    }

    // isBarred is [heads, rules of the programme]: which heads may not take which rules.
    private LayerRules(CoupledProgramme programme, int layer, int[] rules, int[] forced, bool[] isBarred)
    {
        _programme = programme;
        _layer = layer;
        _isBarred = isBarred;
        _greatestSet = programme.MaxRules ?? programme.Rules;
        Rules = [.. (forced.Length == _greatestSet ? forced : rules).Where(rule => Enumerable.Range(0, programme.Heads).Any(head => !IsBarred(head, rule)))];
        Forced = [.. forced.Intersect(Rules)];
        _sets = IsFree ? null : new RuleSetSearch(1, programme.Heads + Forced.Length, Rules.Length, _greatestSet, isQuick: true);
        _stride = _sets?.Stride ?? Rules.Length;
        _all = [.. Enumerable.Range(0, Rules.Length)];
        _priced = new double[(programme.Heads + Forced.Length) * _stride];
        _cost = Compact(programme.Cost);
        _usage = [.. programme.Usage.Select(Compact)];
    }

    /// <summary>Rules that the layer may use.</summary>
    public int[] Rules { get; }

    /// <summary>Those of them that are among its K.</summary>
    public int[] Forced { get; }

    /// <summary>Whether no more than K rules are left, so that every head may take any of them.</summary>
    public bool IsFree => Rules.Length <= _greatestSet;

    /// <summary>Whether some head may take no rule at all.</summary>
    public bool IsEmpty => Enumerable.Range(0, _programme.Heads).Any(head => Array.TrueForAll(Rules, rule => IsBarred(head, rule)));

    /// <summary>Operations of a pricing, roughly, besides those of the sets.</summary>
    public long Work => (long)_cost.Length * (_usage.Length + 2) / 2;

    /// <summary>Operations so far for sets.</summary>
    public long SetWork => _sets?.Work ?? 0;

    /// <summary>
    /// No choice of the layer has less cost + prices·usage than the result; adds the choice that (nearly) has it.
    /// </summary>
    public double Price(ReadOnlySpan<double> prices, PricedChoice choice)
    {
        double value = Least(prices);
        for (int head = 0; head < _programme.Heads; head++)
        {
            int best = BestOf(head, _set);
            value += _sets is null ? _priced[head * _stride + best] : 0;
            choice.Chosen[_layer * _programme.Heads + head] = Rules[best];
            choice.Cost += _cost[head * _stride + best];
            for (int row = 0; row < choice.Usage.Length; row++)
                choice.Usage[row] += _usage[row][head * _stride + best];
        }

        return value;
    }

    /// <summary>The layer in which no head takes a rule with which every choice is priced more than a distance above the least.</summary>
    /// <param name="prices">Prices of the rows.</param>
    /// <param name="distance">Room for the layer's value above what <see cref="Price"/> says.</param>
    public LayerRules Without(ReadOnlySpan<double> prices, double distance)
    {
        double least = Least(prices);
        double[] bounds = _priced;
        if (_sets is not null)
            _sets.BoundsOfPairs(0, _priced, bounds = new double[_priced.Length]);
        bool[]? isBarred = null;
        for (int head = 0; head < _programme.Heads; head++)
        {
            double limit = distance + (_sets is not null ? least : _priced[head * _stride + BestOf(head, _all)]);
            for (int i = 0; i < Rules.Length; i++)
            {
                if (bounds[head * _stride + i] > limit && !IsBarred(head, Rules[i]))
                    (isBarred ??= [.. _isBarred])[head * _programme.Rules + Rules[i]] = true;
            }
        }

        return isBarred is null ? this : new LayerRules(_programme, _layer, Rules, Forced, isBarred);
    }

    /// <summary>The layer with a rule among its K.</summary>
    public LayerRules With(int rule) => new(_programme, _layer, Rules, [.. Forced, rule], _isBarred);

    /// <summary>The layer without a rule.</summary>
    public LayerRules Without(int rule) => new(_programme, _layer, [.. Rules.Where(other => other != rule)], Forced, _isBarred);

    /// <summary>The layer in which a head does not take any of some rules.</summary>
    public LayerRules Barring(int head, IEnumerable<int> rules)
    {
        bool[] isBarred = [.. _isBarred];
        foreach (int rule in rules)
            isBarred[head * _programme.Rules + rule] = true;
        return new LayerRules(_programme, _layer, Rules, Forced, isBarred);
    }

    /// <summary>Whether a head may not take a rule, though others may.</summary>
    public bool IsBarred(int head, int rule) => _isBarred[head * _programme.Rules + rule];

    /// <summary>Whether the layer's part of a choice is one that it may have.</summary>
    public bool Allows(PricedChoice choice)
    {
        int unforced = _greatestSet - Forced.Length;
        Span<int> used = stackalloc int[_greatestSet];
        int count = 0;
        for (int head = 0; head < _programme.Heads; head++)
        {
            int rule = choice.Chosen[_layer * _programme.Heads + head];
            if (Array.IndexOf(Rules, rule) < 0 || IsBarred(head, rule))
                return false;
            if (IsFree || Array.IndexOf(Forced, rule) >= 0 || used[..count].Contains(rule))
                continue;
            if (count == unforced)
                return false;
            used[count++] = rule;
        }

        return true;
    }

    /// <summary>Prices the layer; where the rules are free, only the heads' choices have a value.</summary>
    private double Least(ReadOnlySpan<double> prices)
    {
        PricedCosts.Combine(_cost, _usage, prices, _priced.AsSpan(0, _cost.Length));
        // A number that no choice of the layer saves by anything it does.
        double beyond = 1;
        for (int head = 0; head < _programme.Heads; head++)
        {
            double least = double.PositiveInfinity, greatest = double.NegativeInfinity;
            foreach (double cost in _priced.AsSpan(head * _stride, Rules.Length))
                (least, greatest) = (Math.Min(least, cost), Math.Max(greatest, cost));
            beyond += greatest - least;
            _priced.AsSpan(head * _stride + Rules.Length, _stride - Rules.Length).Fill(double.MaxValue / (_programme.Heads + Forced.Length + 1));
        }

        for (int head = 0; head < _programme.Heads; head++)
        {
            for (int i = 0; i < Rules.Length; i++)
                _priced[head * _stride + i] += IsBarred(head, Rules[i]) ? beyond : 0;
        }

        if (_sets is null)
        {
            _set = _all;
            return 0;
        }

        for (int i = 0; i < Forced.Length; i++)
        {
            Span<double> row = _priced.AsSpan((_programme.Heads + i) * _stride, _stride);
            row.Fill(double.MaxValue / (_programme.Heads + Forced.Length + 1));
            row[..Rules.Length].Fill(beyond);
            row[Array.IndexOf(Rules, Forced[i])] = 0;
        }

        return _sets.Least(0, _priced, out _set).Value;
    }

    private int BestOf(int head, int[] set)
    {
        int best = set[0];
        foreach (int rule in set)
        {
            if (_priced[head * _stride + rule] < _priced[head * _stride + best])
                best = rule;
        }

        return best;
    }

    private double[] Compact(double[] values)
    {
        double[] compact = new double[_programme.Heads * _stride];
        for (int head = 0; head < _programme.Heads; head++)
        {
            for (int i = 0; i < Rules.Length; i++)
                compact[head * _stride + i] = values[(_layer * _programme.Heads + head) * _programme.Rules + Rules[i]];
        }

        return compact;
    }
}
