using System.Numerics;

namespace MoA.Search.Optimization;

/// <summary>
/// The programme with its rows priced: a layer at a time, the best set of at most K rules when every head then takes
/// the cheapest rule of the set. Up to three rules all sets are enumerated; beyond that a set is improved by exchanges
/// and the value is bounded from below by <see cref="RuleSetRelaxation"/>.
/// </summary>
internal sealed class LayerPricing : IPricedProgramme
{
    private const int GreatestEnumeratedSet = 3;
    private const double GreatestEnumerationWork = 5e8;

    private readonly CoupledProgramme _programme;
    private readonly int _setSize;
    private readonly double[] _priced;
    private readonly int _stride;
    private readonly double[] _layer;
    private readonly double[] _sums;
    private readonly double[][] _least;
    private readonly int[] _set;
    private readonly int[] _bestSet;
    private readonly RuleSetRelaxation? _relaxation;
    private readonly List<List<int[]>>? _foundSets;
    private double _bestValue;

    public LayerPricing(CoupledProgramme programme)
    {
        _programme = programme;
        _setSize = programme.MaxRules ?? 1;
        _priced = new double[programme.Cost.Length];
        int width = Vector<double>.Count;
        _stride = (programme.Rules + width - 1) / width * width;
        _layer = new double[programme.Heads * _stride];
        _sums = new double[_stride];
        _least = [.. Enumerable.Range(0, _setSize + 1).Select(_ => new double[programme.Heads])];
        _set = new int[_setSize];
        _bestSet = new int[_setSize];
        // Sets are completed by all last rules at once, so that one rule less is enumerated.
        double passes = 0.5;
        for (int size = 1; size < _setSize; size++)
            passes *= (double)(programme.Rules - size + 1) / size;
        if (_setSize > GreatestEnumeratedSet || passes * programme.Cost.Length > GreatestEnumerationWork)
        {
            _relaxation = new RuleSetRelaxation(programme.Layers, programme.Heads, programme.Rules, _setSize);
            _foundSets = [.. Enumerable.Range(0, programme.Layers).Select(_ => new List<int[]>())];
            passes = 3.0 * RuleSetRelaxation.Steps;
        }

        WorkPerPrice = (long)(programme.Cost.Length * (programme.Rows + passes + 1) / 2);
    }

    public long WorkPerPrice { get; }

    /// <summary>
    /// [layers]: the sets, each ascending, that the relaxation has found good at some prices; null where all sets are
    /// enumerated.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<int[]>>? FoundSets => _foundSets;

    /// <summary>Whether <see cref="Price"/> returns the least value itself and not only a number below it.</summary>
    public bool IsExact => _relaxation is null;

    public double Price(ReadOnlySpan<double> prices, PricedChoice choice)
    {
        PricedCosts.Combine(_programme.Cost, _programme.Usage, prices, _priced);
        choice.Cost = 0;
        Array.Clear(choice.Usage);
        double value = 0;
        for (int layer = 0; layer < _programme.Layers; layer++)
        {
            value += PriceLayer(layer);
            Choose(layer, choice);
        }

        return value;
    }

    /// <summary>The priced cost of every rule for the heads of a layer at given prices, and the layer's best value.</summary>
    public double PriceLayer(ReadOnlySpan<double> prices, int layer, Span<double> priced)
    {
        PricedCosts.Combine(_programme.Cost, _programme.Usage, prices, _priced);
        int size = _programme.Heads * _programme.Rules;
        _priced.AsSpan(layer * size, size).CopyTo(priced);
        return PriceLayer(layer);
    }

    private double PriceLayer(int layer)
    {
        int heads = _programme.Heads;
        int rules = _programme.Rules;
        for (int head = 0; head < heads; head++)
        {
            Span<double> row = _layer.AsSpan(head * _stride, _stride);
            _priced.AsSpan((layer * heads + head) * rules, rules).CopyTo(row);
            row[rules..].Fill(double.MaxValue / (heads + 1));
        }

        _bestValue = double.PositiveInfinity;
        if (_relaxation is not null)
        {
            double bound = _relaxation.Bound(layer, _layer, _stride, _bestSet);
            Remember(layer, [.. _bestSet.Distinct().Order()]);
            return bound;
        }

        _least[0].AsSpan().Fill(double.MaxValue / (heads + 1));
        Enumerate(0, 0);
        return _bestValue;
    }

    /// <summary>Extends a set of <paramref name="size"/> rules by all rules from <paramref name="from"/> on.</summary>
    private void Enumerate(int size, int from)
    {
        double[] least = _least[size];
        if (size == _setSize - 1)
        {
            CompleteSets(least, from);
            return;
        }

        double[] extended = _least[size + 1];
        for (int rule = from; rule < _programme.Rules; rule++)
        {
            for (int head = 0; head < least.Length; head++)
                extended[head] = Math.Min(least[head], _layer[head * _stride + rule]);
            _set[size] = rule;
            Enumerate(size + 1, rule);
        }
    }

    private void CompleteSets(double[] least, int from)
    {
        int width = Vector<double>.Count;
        int start = from / width * width;
        for (int rule = start; rule < _stride; rule += width)
        {
            Vector<double> sum = Vector<double>.Zero;
            for (int head = 0; head < least.Length; head++)
                sum += Vector.Min(new Vector<double>(least[head]), new Vector<double>(_layer, head * _stride + rule));
            sum.CopyTo(_sums, rule);
        }

        for (int rule = from; rule < _programme.Rules; rule++)
        {
            if (_sums[rule] < _bestValue)
            {
                _bestValue = _sums[rule];
                _set[_setSize - 1] = rule;
                _set.CopyTo(_bestSet, 0);
            }
        }
    }

    private void Choose(int layer, PricedChoice choice)
    {
        for (int head = 0; head < _programme.Heads; head++)
        {
            int best = _bestSet[0];
            foreach (int rule in _bestSet)
            {
                if (_layer[head * _stride + rule] < _layer[head * _stride + best])
                    best = rule;
            }

            int index = layer * _programme.Heads + head;
            choice.Chosen[index] = best;
            choice.Cost += _programme.Cost[index * _programme.Rules + best];
            for (int row = 0; row < choice.Usage.Length; row++)
                choice.Usage[row] += _programme.Usage[row][index * _programme.Rules + best];
        }
    }

    private void Remember(int layer, int[] set)
    {
        if (!_foundSets![layer].Exists(other => other.AsSpan().SequenceEqual(set)))
            _foundSets[layer].Add(set);
    }
}
