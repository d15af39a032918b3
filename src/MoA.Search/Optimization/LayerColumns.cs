namespace MoA.Search.Optimization;

/// <summary>
/// Enumerates the choices of a layer whose priced cost is within a distance of the layer's least: each as the set of
/// rules it uses (exactly) and the heads that leave their cheapest rule of the set, in order of what that costs them.
/// </summary>
internal sealed class LayerColumns(CoupledProgramme programme, PricedLayers priced, SearchEffort effort)
{
    /// <summary>
    /// All choices within <paramref name="distance"/> of the least of their layer, or null if a layer has more than
    /// <paramref name="limit"/> of them.
    /// </summary>
    public List<ushort[]>[]? Within(double distance, int limit)
    {
        List<ushort[]>[] columns = new List<ushort[]>[programme.Layers];
        bool isWhole = true;
        long before = priced.Sets.Work;
        for (int layer = 0; layer < columns.Length && isWhole; layer++)
        {
            columns[layer] = [];
            isWhole = Enumerate(layer, distance, limit, columns[layer]);
        }

        effort.Add((priced.Sets.Work - before) / 2);
        return isWhole ? columns : null;
    }

    private bool Enumerate(int layer, double distance, int limit, List<ushort[]> columns) => priced.Sets.Visit(
        layer,
        priced.Costs[layer],
        priced.Least[layer] + distance,
        set => EnumerateAssignments(layer, set, distance, limit, columns));

    private bool EnumerateAssignments(
        int layer, ReadOnlySpan<int> set, double distance, int limit, List<ushort[]> columns)
    {
        effort.ThrowIfCancelled();
        double[] costs = priced.Costs[layer];
        int rules = priced.Sets.Stride;
        double slack = priced.Least[layer] + distance;
        for (int head = 0; head < programme.Heads; head++)
        {
            double least = double.PositiveInfinity;
            foreach (int rule in set)
                least = Math.Min(least, costs[head * rules + rule]);
            slack -= least;
        }

        if (slack < -1e-12 * Math.Abs(priced.Least[layer]))
            return true;
        ushort[] assignment = new ushort[programme.Heads];
        List<Change> changes = [];
        for (int head = 0; head < assignment.Length; head++)
        {
            int best = set[0];
            foreach (int rule in set)
            {
                if (costs[head * rules + rule] < costs[head * rules + best])
                    best = rule;
            }

            assignment[head] = (ushort)best;
            foreach (int rule in set)
            {
                double extra = costs[head * rules + rule] - costs[head * rules + best];
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
