namespace MoA.Search.Optimization;

/// <summary>
/// Enumerates the choices of a layer whose priced cost is within a distance of the layer's least: each as the set of
/// rules it uses (exactly) and the heads that leave their cheapest rule of the set, in order of what that costs them.
/// Of sets too large to enumerate, only those that the pricing has found good are used.
/// </summary>
internal sealed class LayerColumns
{
    private readonly CoupledProgramme _programme;
    private readonly double[][] _priced;
    private readonly double[] _least;
    private readonly int _greatestSet;
    private readonly IReadOnlyList<IReadOnlyList<int[]>>? _foundSets;

    public LayerColumns(CoupledProgramme programme, LayerPricing pricing, ReadOnlySpan<double> prices)
    {
        _programme = programme;
        _greatestSet = programme.MaxRules ?? 1;
        _priced = new double[programme.Layers][];
        _least = new double[programme.Layers];
        for (int layer = 0; layer < programme.Layers; layer++)
        {
            _priced[layer] = new double[programme.Heads * programme.Rules];
            _least[layer] = pricing.PriceLayer(prices, layer, _priced[layer]);
        }

        _foundSets = pricing.FoundSets;
    }

    /// <summary>
    /// All choices within <paramref name="distance"/> of the least of their layer, or null if a layer has more than
    /// <paramref name="limit"/> of them.
    /// </summary>
    public List<ushort[]>[]? Within(double distance, int limit)
    {
        List<ushort[]>[] columns = new List<ushort[]>[_programme.Layers];
        for (int layer = 0; layer < columns.Length; layer++)
        {
            columns[layer] = [];
            if (!Enumerate(layer, distance, limit, columns[layer]))
                return null;
        }

        return columns;
    }

    private bool Enumerate(int layer, double distance, int limit, List<ushort[]> columns)
    {
        if (_foundSets is not null)
            return _foundSets[layer].All(found => EnumerateAssignments(layer, found, distance, limit, columns));
        int[] set = new int[_greatestSet];
        for (int size = 1; size <= _greatestSet; size++)
        {
            if (!EnumerateSets(layer, set, 0, size, 0, distance, limit, columns))
                return false;
        }

        return true;
    }

    private bool EnumerateSets(
        int layer, int[] set, int chosen, int size, int from, double distance, int limit, List<ushort[]> columns)
    {
        if (chosen == size)
            return EnumerateAssignments(layer, set.AsSpan(0, size), distance, limit, columns);
        for (int rule = from; rule < _programme.Rules; rule++)
        {
            set[chosen] = rule;
            if (!EnumerateSets(layer, set, chosen + 1, size, rule + 1, distance, limit, columns))
                return false;
        }

        return true;
    }

    private bool EnumerateAssignments(
        int layer, ReadOnlySpan<int> set, double distance, int limit, List<ushort[]> columns)
    {
        double[] priced = _priced[layer];
        int rules = _programme.Rules;
        double slack = _least[layer] + distance;
        for (int head = 0; head < _programme.Heads; head++)
        {
            double least = double.PositiveInfinity;
            foreach (int rule in set)
                least = Math.Min(least, priced[head * rules + rule]);
            slack -= least;
        }

        if (slack < -1e-12 * Math.Abs(_least[layer]))
            return true;
        ushort[] assignment = new ushort[_programme.Heads];
        List<Change> changes = [];
        for (int head = 0; head < assignment.Length; head++)
        {
            int best = set[0];
            foreach (int rule in set)
            {
                if (priced[head * rules + rule] < priced[head * rules + best])
                    best = rule;
            }

            assignment[head] = (ushort)best;
            foreach (int rule in set)
            {
                double extra = priced[head * rules + rule] - priced[head * rules + best];
                if (rule != best && extra <= slack)
                    changes.Add(new Change(extra, head, (ushort)rule));
            }
        }

        changes.Sort();
        Walk walk = new(set.Length, changes, assignment, limit, columns);
        return walk.Visit(0, slack);
    }

    private readonly record struct Change(double Extra, int Head, ushort Rule) : IComparable<Change>
    {
        public int CompareTo(Change other)
        {
            int order = Extra.CompareTo(other.Extra);
            if (order == 0)
                order = Head.CompareTo(other.Head);
            return order == 0 ? Rule.CompareTo(other.Rule) : order;
        }
    }

    /// <summary>Visits every combination of changes, at most one for a head, whose extra cost fits the slack.</summary>
    private sealed class Walk(int setSize, List<Change> changes, ushort[] assignment, int limit, List<ushort[]> columns)
    {
        private readonly bool[] _changed = new bool[assignment.Length];
        private long _visits;

        public bool Visit(int from, double slack)
        {
            if (UsesWholeSet())
            {
                if (columns.Count >= limit)
                    return false;
                columns.Add((ushort[])assignment.Clone());
            }

            // Choices that use only part of the set are not kept but cost time too.
            if (++_visits > 20L * limit)
                return false;
            for (int i = from; i < changes.Count && changes[i].Extra <= slack; i++)
            {
                Change change = changes[i];
                if (_changed[change.Head])
                    continue;
                ushort before = assignment[change.Head];
                assignment[change.Head] = change.Rule;
                _changed[change.Head] = true;
                bool completed = Visit(i + 1, slack - change.Extra);
                assignment[change.Head] = before;
                _changed[change.Head] = false;
                if (!completed)
                    return false;
            }

            return true;
        }

        private bool UsesWholeSet()
        {
            int used = 0;
            for (int head = 0; head < assignment.Length && used < setSize; head++)
            {
                bool isNew = true;
                for (int other = 0; other < head && isNew; other++)
                    isNew = assignment[other] != assignment[head];
                used += isNew ? 1 : 0;
            }

            return used == setSize;
        }
    }
}
