namespace MoA.Search.Optimization;

/// <summary>
/// The programme with its rows priced: a layer at a time, the best set of at most K rules when every head then takes
/// the cheapest rule of the set (<see cref="RuleSetSearch"/>).
/// </summary>
internal sealed class LayerPricing : IPricedProgramme
{
    private readonly CoupledProgramme _programme;
    private readonly RuleSetSearch _sets;
    private readonly double[] _priced;
    private readonly double[] _layer;

    public LayerPricing(CoupledProgramme programme)
    {
        _programme = programme;
        _sets = new RuleSetSearch(programme.Layers, programme.Heads, programme.Rules, programme.MaxRules ?? programme.Rules, isQuick: programme.IsSmall);
        _priced = new double[programme.Cost.Length];
        _layer = new double[programme.Heads * _sets.Stride];
    }

    public long LastWork { get; private set; }

    public double Price(ReadOnlySpan<double> prices, PricedChoice choice)
    {
        long before = _sets.Work;
        PricedCosts.Combine(_programme.Cost, _programme.Usage, prices, _priced);
        choice.Cost = 0;
        Array.Clear(choice.Usage);
        double value = 0;
        for (int layer = 0; layer < _programme.Layers; layer++)
        {
            Load(layer, _layer);
            value += _sets.Least(layer, _layer, out int[] set).Value;
            Choose(layer, set, choice);
        }

        LastWork = (_programme.Cost.Length * (_programme.Rows + 1L) + _sets.Work - before) / 2;
        return value;
    }

    /// <summary>The sets of rules for the layers at given prices, to be walked through.</summary>
    public PricedLayers At(ReadOnlySpan<double> prices)
    {
        PricedCosts.Combine(_programme.Cost, _programme.Usage, prices, _priced);
        double[][] costs = new double[_programme.Layers][];
        double[] least = new double[_programme.Layers];
        for (int layer = 0; layer < _programme.Layers; layer++)
        {
            costs[layer] = new double[_layer.Length];
            Load(layer, costs[layer]);
            least[layer] = _sets.Least(layer, costs[layer], out _).Value;
        }

        return new PricedLayers(_sets, costs, least);
    }

    private void Load(int layer, double[] target)
    {
        int heads = _programme.Heads;
        int rules = _programme.Rules;
        for (int head = 0; head < heads; head++)
        {
            Span<double> row = target.AsSpan(head * _sets.Stride, _sets.Stride);
            _priced.AsSpan((layer * heads + head) * rules, rules).CopyTo(row);
            row[rules..].Fill(double.MaxValue / (heads + 1));
        }
    }

    private void Choose(int layer, int[] set, PricedChoice choice)
    {
        for (int head = 0; head < _programme.Heads; head++)
        {
            int best = set[0];
            foreach (int rule in set)
            {
                if (_layer[head * _sets.Stride + rule] < _layer[head * _sets.Stride + best])
                    best = rule;
            }

            int index = layer * _programme.Heads + head;
            choice.Chosen[index] = best;
            choice.Cost += _programme.Cost[index * _programme.Rules + best];
            for (int row = 0; row < choice.Usage.Length; row++)
                choice.Usage[row] += _programme.Usage[row][index * _programme.Rules + best];
        }
    }
}
