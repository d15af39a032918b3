namespace MoA.Search.Optimization;

/// <summary>
/// Searches a programme as it stands, and where a gap remains that whole blocks explain (<see cref="DensityLattice"/>), splits
/// it by the sums E of its lattices: within each part the bounds hold for whole steps.
/// </summary>
internal static class LatticeSearch
{
    /// <summary>Share of the effort for the programme as it stands.</summary>
    private const double FirstShare = 0.8;
    private const int Iterations = 200;

    public static SearchOutcome Run(CoupledProgramme programme, SearchEffort effort, double[] start)
    {
        if (programme.ExcludesAll)
            return new SearchOutcome(null, double.PositiveInfinity, double.PositiveInfinity, start);
        double share = programme.HasLattices ? FirstShare : 1;
        SearchOutcome first = SearchOf(programme, effort).Run(programme, start, double.PositiveInfinity, share);
        bool isClosed = first.Bound >= Cutoff(first.Cost, effort);
        return isClosed || !programme.HasLattices || effort.IsSpent() ? first : SearchParts(programme.WithLattices(), effort, first);
    }

    private static IProgrammeSearch SearchOf(CoupledProgramme programme, SearchEffort effort) =>
        programme.MaxRules is null ? new HeadSearch(programme, effort) : new LayerSearch(programme, effort);

    /// <summary>Searches a programme that has rows for its lattices in parts, for something better than a first outcome.</summary>
    public static SearchOutcome SearchParts(CoupledProgramme programme, SearchEffort effort, SearchOutcome first)
    {
        IProgrammeSearch search = SearchOf(programme, effort);
        SearchOutcome best = first;
        double settled = double.PositiveInfinity;
        double greatest = programme.CostBeyondAll();
        double[] start = new double[programme.Rows];
        first.Prices.CopyTo(start, 0);
        PriorityQueue<Part, double> open = new();
        open.Enqueue(new Part(programme, start, first.Bound), first.Bound);
        while (open.TryPeek(out Part? part, out _) && part.Bound < Cutoff(best.Cost, effort) && !effort.IsSpent())
        {
            _ = open.Dequeue();
            if (part.Programme.ExcludesAll)
                continue;
            PriceAscent ascent = new(part.Programme.Lower, part.Programme.Upper, effort);
            double cutoff = Math.Min(greatest, Cutoff(best.Cost, effort));
            ascent.Maximise(
                search.Priced, part.Prices, [], programme.CostSpread(), cutoff, 1e-9, search.CreateChoice, Iterations);
            double bound = Math.Max(part.Bound, ascent.Bound);
            if (bound >= cutoff)
            {
                // A bound beyond the cost of all choices says that the part is empty.
                settled = Math.Min(settled, bound >= greatest ? double.PositiveInfinity : bound);
            }
            else if (SplitOf(part.Programme, ascent.Master!) is (LatticeRows rows, long edge))
            {
                foreach (CoupledProgramme half in new[] { AtMost(part.Programme, rows, edge), AtLeast(part.Programme, rows, edge + 1) })
                    open.Enqueue(new Part(half, ascent.BestPrices, bound), bound);
            }
            else
            {
                SearchOutcome inner = search.Run(part.Programme, ascent.BestPrices, best.Cost, 1);
                settled = Math.Min(settled, Math.Max(bound, inner.Bound));
                best = inner.Choice is null ? best : inner;
            }
        }

        double least = Math.Min(settled, open.TryPeek(out Part? next, out _) ? next.Bound : double.PositiveInfinity);
        return best with { Bound = Math.Max(first.Bound, Math.Min(least, best.Cost)), Prices = first.Prices };
    }

    private static double Cutoff(double cost, SearchEffort effort) =>
        double.IsPositiveInfinity(cost) ? cost : cost - effort.RelativeGap * 0.5 * Math.Abs(cost);

    /// <summary>
    /// The lattice of which the fractional solution uses most beyond whole steps, and the greatest E of the part that has
    /// more steps; null if whole steps are no tighter anywhere.
    /// </summary>
    private static (LatticeRows Rows, long Edge)? SplitOf(CoupledProgramme programme, PriceMaster master)
    {
        // Beyond the limits, which happens where a part is all but empty, whole steps mean nothing.
        if (master.Excess > 1e-9)
            return null;
        double greatest = 1e-6;
        (LatticeRows, long)? split = null;
        foreach (LatticeRows rows in programme.Lattices)
        {
            double steps = master.Mixture().Sum(part => part.Weight * part.Choice.Usage[rows.Steps]) / rows.Scale;
            double offset = master.Mixture().Sum(part => part.Weight * part.Choice.Usage[rows.Offsets]) / rows.Scale;
            long whole = (long)Math.Floor((rows.Lattice.Budget - offset) / rows.Lattice.Step + 1e-6);
            long edge = rows.Lattice.Budget - rows.Lattice.Step * (whole + 1);
            bool isSplit = edge + 1 <= programme.Lower[rows.Offsets] / rows.Scale + 1e-6;
            if (!isSplit && steps - whole > greatest)
                (greatest, split) = (steps - whole, (rows, edge));
        }

        return split;
    }

    private static CoupledProgramme AtMost(CoupledProgramme programme, LatticeRows rows, long offset)
    {
        double[] upper = (double[])programme.Upper.Clone();
        upper[rows.Offsets] = (offset + 1e-7) * rows.Scale;
        return programme.Within(programme.Lower, upper);
    }

    private static CoupledProgramme AtLeast(CoupledProgramme programme, LatticeRows rows, long offset)
    {
        double[] lower = (double[])programme.Lower.Clone();
        double[] upper = (double[])programme.Upper.Clone();
        lower[rows.Offsets] = (offset - 1e-7) * rows.Scale;
        upper[rows.Steps] = (rows.Lattice.GreatestSteps(offset) + 1e-7) * rows.Scale;
        return programme.Within(lower, upper);
    }

    private sealed record Part(CoupledProgramme Programme, double[] Prices, double Bound);
}
