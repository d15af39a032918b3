namespace MoA.Search.Optimization;

/// <summary>Solves a programme without a limit on the rules of a layer: every head is a group of its own.</summary>
internal sealed class HeadSearch(CoupledProgramme programme, SearchEffort effort) : IProgrammeSearch
{
    private readonly ColumnPool _pool = ColumnPool.OfHeads(programme);
    private NodeProgramme? _priced;

    public IPricedProgramme Priced => _priced ??= new NodeProgramme(_pool, ColumnSet.All(_pool.Columns));

    public PricedChoice CreateChoice() => new(programme.Rows, _pool.Groups);

    public SearchOutcome Run(CoupledProgramme limited, double[] start, double knownCost, double effortShare)
    {
        ColumnSearch search = programme.IsSmall
            ? ColumnSearch.OfHeads(limited, _pool, [.. Enumerable.Range(0, programme.Rules)], effort)
            : new ColumnSearch(limited, _pool, effort);
        search.Run(ColumnSet.All(_pool.Columns), start, double.NegativeInfinity, knownCost, effortShare);
        return new SearchOutcome(
            search.BestChosen is int[] chosen ? _pool.RulesOf(chosen) : null, search.BestCost, search.Bound, search.RootPrices[..programme.Rows]);
    }
}
