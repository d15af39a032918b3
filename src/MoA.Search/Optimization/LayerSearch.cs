namespace MoA.Search.Optimization;

/// <summary>
/// Solves a programme with at most K rules in a layer. The dual over all choices of a layer gives prices and a bound;
/// the choices near the least priced cost become columns; and when all choices that the gap leaves possible are among
/// them, the search over columns settles the programme itself.
/// </summary>
internal sealed class LayerSearch(CoupledProgramme programme, SearchEffort effort) : IProgrammeSearch
{
    private const int RootIterations = 500;
    private const int FirstColumns = 250;
    private const int MostColumns = 400_000;
    private const double ShareOfImprovement = 0.05;

    private readonly LayerPricing _pricing = new(programme);
    private ColumnPool? _heads;

    public IPricedProgramme Priced => _pricing;

    public PricedChoice CreateChoice() => new(programme.Rows, programme.Layers * programme.Heads);

    public SearchOutcome Run(CoupledProgramme limited, double[] start, double knownCost, double effortShare)
    {
        PriceAscent ascent = new(limited.Lower, limited.Upper, effort);
        double greatest = programme.CostBeyondAll();
        double cutoff = Math.Min(greatest, knownCost);
        ascent.Maximise(_pricing, start, [], programme.CostSpread(), cutoff, 1e-8, CreateChoice, RootIterations);
        if (ascent.Bound >= cutoff)
            return new SearchOutcome(null, knownCost, ascent.Bound >= greatest ? double.PositiveInfinity : ascent.Bound, ascent.BestPrices);

        PricedLayers priced = _pricing.At(ascent.BestPrices);
        LayerColumns columns = new(programme, priced, effort);
        double root = ascent.Bound;
        double bound = root;
        double cost = knownCost;
        int[]? choice = null;
        int limit = FirstColumns;
        for (double share = 0.3; ; share = Math.Min(1, share + 0.35), limit *= 12)
        {
            limit = Math.Min(limit, MostColumns / programme.Layers);
            (List<ushort[]>[] near, double distance) = Collect(columns, root, cost, limit, ascent.Master!);
            ColumnPool pool = ColumnPool.OfLayers(programme, near);
            ColumnSearch search = new(limited, pool, effort);
            search.Run(ColumnSet.All(pool.Columns), ascent.BestPrices, root, cost, share * effortShare);
            if (search.BestChosen is int[] chosen)
            {
                choice = pool.RulesOf(chosen);
                cost = search.BestCost;
            }

            if (search.BestChosen is not null || double.IsPositiveInfinity(cost))
            {
                int[] sets = choice ?? ascent.Master!.Mixture().MaxBy(part => part.Weight).Choice.Chosen;
                (int[]? improved, cost) = ImproveWithinSets(limited, sets, ascent.BestPrices, cost);
                choice = improved ?? choice;
            }

            // A choice outside the pool costs at least the distance more than the root bound.
            bound = Math.Max(bound, Math.Min(search.Bound, root + distance));
            bool isClosed = double.IsFinite(cost) && cost - bound <= effort.RelativeGap * Math.Abs(cost);
            if (isClosed || double.IsPositiveInfinity(bound) || effort.IsSpent(effortShare)
                || limit >= MostColumns / programme.Layers)
            {
                return new SearchOutcome(choice, cost, bound, ascent.BestPrices);
            }

            if (programme.IsSmall && limit > FirstColumns)
            {
                SearchOutcome rules = new RuleSearch(programme, effort).Run(limited, ascent.BestPrices, bound, cost, effortShare);
                return rules with { Choice = rules.Choice ?? choice };
            }
        }
    }

    /// <summary>The best choice in which the heads of a layer use no other rules than in a given one, or null.</summary>
    private (int[]? Choice, double Cost) ImproveWithinSets(
        CoupledProgramme limited, int[] choice, double[] prices, double knownCost)
    {
        _heads ??= ColumnPool.OfHeads(programme);
        ColumnSet allowed = ColumnSet.None(_heads.Columns);
        for (int head = 0; head < choice.Length; head++)
        {
            int first = head / programme.Heads * programme.Heads;
            for (int other = first; other < first + programme.Heads; other++)
                allowed.Add(_heads.Start[head] + choice[other]);
        }

        ColumnSearch search = new(limited, _heads, effort);
        search.Run(allowed, prices, double.NegativeInfinity, knownCost, effort.SpentShare + ShareOfImprovement);
        return (search.BestChosen is int[] chosen ? _heads.RulesOf(chosen) : null, search.BestCost);
    }

    /// <summary>
    /// Choices near the least priced cost, at most a limit in any layer, and the distance within which they are all there.
    /// Those of the fractional solution are always among them.
    /// </summary>
    private (List<ushort[]>[] Columns, double Distance) Collect(
        LayerColumns columns, double root, double cost, int limit, PriceMaster master)
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
        AddMixture(best, master);
        return (best, low);
    }

    private void AddMixture(List<ushort[]>[] columns, PriceMaster master)
    {
        for (int layer = 0; layer < columns.Length; layer++)
        {
            foreach ((PricedChoice choice, _) in master.Mixture())
            {
                ushort[] rules =
                [
                    .. choice.Chosen.Skip(layer * programme.Heads).Take(programme.Heads).Select(rule => (ushort)rule),
                ];
                if (!columns[layer].Exists(other => other.AsSpan().SequenceEqual(rules)))
                    columns[layer].Add(rules);
            }
        }
    }
}
