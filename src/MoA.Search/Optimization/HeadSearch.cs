namespace MoA.Search.Optimization;

/// <summary>Solves a programme without a limit on the rules of a layer: every head is a group of its own.</summary>
internal static class HeadSearch
{
    public static SearchOutcome Run(CoupledProgramme programme, SearchEffort effort, double[] start)
    {
        ColumnPool pool = ColumnPool.OfHeads(programme);
        ColumnSearch search = new(programme, pool, effort);
        search.Run(start, double.NegativeInfinity, double.PositiveInfinity, 1);
        return new SearchOutcome(
            search.BestChosen is int[] chosen ? pool.RulesOf(chosen) : null, search.Bound, search.RootPrices);
    }
}
