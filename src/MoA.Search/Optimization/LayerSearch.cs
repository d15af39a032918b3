namespace MoA.Search.Optimization;

/// <summary>
/// Solves a programme with at most K rules in a layer. The dual over all choices of a layer gives prices and a bound;
/// the choices near the least priced cost become columns; and when all choices that the gap leaves possible are among
/// them, the search over columns settles the programme itself.
/// </summary>
internal static class LayerSearch
{
    private const int RootIterations = 500;
    private const int FirstColumns = 250;
    private const int ColumnsOfFoundSets = 1500;
    private const int MostColumns = 400_000;

    public static SearchOutcome Run(CoupledProgramme programme, SearchEffort effort, double[] start)
    {
        LayerPricing pricing = new(programme);
        PriceAscent ascent = new(programme.Lower, programme.Upper, effort);
        double greatest = programme.GreatestCost() + 1e-6 * Math.Max(1, programme.CostSpread());
        ascent.Maximise(
            pricing,
            start,
            [],
            programme.CostSpread(),
            greatest,
            1e-8,
            () => new PricedChoice(programme.Rows, programme.Layers * programme.Heads),
            RootIterations);
        if (ascent.Bound >= greatest)
            return new SearchOutcome(null, double.PositiveInfinity, ascent.BestPrices);

        LayerColumns columns = new(programme, pricing, ascent.BestPrices);
        double root = ascent.Bound;
        double bound = root;
        double cost = double.PositiveInfinity;
        int[]? choice = null;
        int limit = pricing.IsExact ? FirstColumns : ColumnsOfFoundSets;
        for (double share = pricing.IsExact ? 0.3 : 1; ; share = Math.Min(1, share + 0.35), limit *= 12)
        {
            limit = Math.Min(limit, MostColumns / programme.Layers);
            (List<ushort[]>[] near, double distance) = Collect(columns, root, cost, limit, programme, ascent.Master!);
            ColumnPool pool = ColumnPool.OfLayers(programme, near);
            ColumnSearch search = new(programme, pool, effort);
            search.Run(ascent.BestPrices, root, cost, share);
            if (search.BestChosen is int[] chosen)
            {
                choice = pool.RulesOf(chosen);
                cost = search.BestCost;
            }

            // A choice outside the pool costs at least the distance more than the root bound.
            double outside = pricing.IsExact ? root + distance : root;
            bound = Math.Max(bound, Math.Min(search.Bound, outside));
            bool isClosed = double.IsFinite(cost) && cost - bound <= effort.RelativeGap * Math.Abs(cost);
            if (isClosed || double.IsPositiveInfinity(bound) || effort.IsSpent() || limit >= MostColumns / programme.Layers
                || !pricing.IsExact)
            {
                return new SearchOutcome(choice, bound, ascent.BestPrices);
            }
        }
    }

    /// <summary>
    /// Choices near the least priced cost, at most a limit in any layer, and the distance within which they are all there.
    /// Those of the fractional solution are always among them.
    /// </summary>
    private static (List<ushort[]>[] Columns, double Distance) Collect(
        LayerColumns columns, double root, double cost, int limit, CoupledProgramme programme, PriceMaster master)
    {
        double wanted = double.IsFinite(cost) ? cost - root + 1e-9 * Math.Abs(cost) : double.PositiveInfinity;
        List<ushort[]>[]? all = columns.Within(wanted, limit);
        if (all is not null)
            return (all, wanted);

        double low = 0;
        double high = double.IsFinite(wanted) ? wanted : Math.Max(Math.Abs(root), programme.CostSpread());
        List<ushort[]>[]? best = null;
        for (int halving = 0; halving < 24; halving++)
        {
            double middle = halving < 12 ? high / 4 : (low + high) / 2;
            if (columns.Within(middle, limit) is List<ushort[]>[] found)
            {
                (best, low) = (found, middle);
                halving = Math.Max(halving, 12) + 1;
            }
            else
            {
                high = middle;
            }
        }

        best ??= [.. Enumerable.Range(0, programme.Layers).Select(_ => new List<ushort[]>())];
        AddMixture(best, programme, master);
        return (best, low);
    }

    private static void AddMixture(List<ushort[]>[] columns, CoupledProgramme programme, PriceMaster master)
    {
        for (int layer = 0; layer < columns.Length; layer++)
        {
            foreach ((PricedChoice choice, _) in master.Mixture())
            {
                ushort[] rules = [.. choice.Chosen.Skip(layer * programme.Heads).Take(programme.Heads).Select(rule => (ushort)rule)];
                if (!columns[layer].Exists(other => other.AsSpan().SequenceEqual(rules)))
                    columns[layer].Add(rules);
            }
        }
    }
}
