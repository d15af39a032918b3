namespace MoA.Search.Optimization;

/// <summary>
/// Densities are counts of blocks, so a plan's use of a bound moves in whole steps. Nearly all rules keep a number of blocks
/// g·a + r with the same g and r; the few others (a full cache, the least one) are e blocks off such a number. With W blocks
/// allowed to n heads, the sums A of a and E of e keep g·A + E ≤ W - n·r, and, as A is whole, A ≤ ⌊(W - n·r - E) / g⌋: which
/// a fractional choice does not know. Once E is known to be at least E₁, A ≤ ⌊(W - n·r - E₁) / g⌋ holds for fractions too.
/// </summary>
internal sealed class DensityLattice
{
    /// <summary>Share of the different counts that have to lie on the lattice.</summary>
    private const double ShareOnLattice = 0.7;

    private DensityLattice(int step, int[] steps, int[] offsets, long budget, double leastShare, double greatestShare)
    {
        LeastShare = leastShare;
        Step = step;
        Steps = steps;
        Offsets = offsets;
        Budget = budget;
        GreatestShare = greatestShare;
    }

    /// <summary>g.</summary>
    public int Step { get; }

    /// <summary>[rules]: a.</summary>
    public int[] Steps { get; }

    /// <summary>[rules]: e, between -g/2 and g/2.</summary>
    public int[] Offsets { get; }

    /// <summary>W - n·r.</summary>
    public long Budget { get; }

    /// <summary>Whether every rule lies on the lattice.</summary>
    public bool IsWhole => Array.TrueForAll(Offsets, offset => offset == 0);

    /// <summary>The greatest share of the bound that whole blocks, or steps if all rules lie on the lattice, can use.</summary>
    public double GreatestShare { get; }

    /// <summary>The least share of the bound that they can use without falling below the floor; minus infinity without one.</summary>
    public double LeastShare { get; }

    /// <summary>The lattice of a constraint, or null if its densities are no counts of blocks.</summary>
    /// <param name="constraint">Densities and bound.</param>
    /// <param name="floor">Least density as a share of the bound, or null.</param>
    /// <param name="ruleOf">[rules]: the rules that count, as indices of the densities.</param>
    /// <param name="choices">Heads that take a rule, n.</param>
    public static DensityLattice? Of(DensityConstraint constraint, double? floor, int[] ruleOf, int choices)
    {
        int blocks = constraint.Blocks;
        int[] counts = new int[ruleOf.Length];
        for (int rule = 0; rule < counts.Length; rule++)
        {
            double count = constraint.Densities[ruleOf[rule]] * blocks;
            counts[rule] = (int)Math.Round(count);
            if (Math.Abs(count - counts[rule]) > 1e-6)
                return null;
        }

        double bound = constraint.Bound * blocks * choices;
        long allowed = (long)Math.Floor(bound * (1 + DensityConstraint.Tolerance));
        long required = (long)Math.Ceiling(bound * (floor ?? 0) * (1 - DensityConstraint.Tolerance));
        (int step, int remainder) = StepOf([.. counts.Distinct()]);
        int[] offsets = [.. counts.Select(count => Offset(count - remainder, step))];
        int[] steps = [.. counts.Zip(offsets, (count, offset) => (count - remainder - offset) / step)];
        long budget = allowed - (long)remainder * choices;
        bool isWhole = Array.TrueForAll(offsets, offset => offset == 0);
        long unused = isWhole ? Remainder(budget, step) : 0;
        long beyond = isWhole ? Remainder((long)remainder * choices - required, step) : 0;
        double leastShare = floor is null ? double.NegativeInfinity : (required + beyond) / bound;
        return new DensityLattice(step, steps, offsets, budget, leastShare, (allowed - unused) / bound);
    }

    /// <summary>The greatest A when E is at least a number.</summary>
    public long GreatestSteps(double leastOffset) =>
        (long)Math.Floor((Budget - Math.Ceiling(leastOffset - 1e-6)) / Step);

    /// <summary>The greatest g that most counts leave the same remainder by, and the remainder.</summary>
    private static (int Step, int Remainder) StepOf(int[] counts)
    {
        for (int step = counts.Max(); step > 1; step--)
        {
            IGrouping<int, int> most = counts.GroupBy(count => count % step).MaxBy(group => group.Count())!;
            if (most.Count() >= Math.Max(2, ShareOnLattice * counts.Length))
                return (step, most.Key);
        }

        return (1, 0);
    }

    private static int Offset(int count, int step)
    {
        int offset = (int)Remainder(count, step);
        return 2 * offset > step ? offset - step : offset;
    }

    /// <summary>The remainder that is not negative.</summary>
    private static long Remainder(long count, int step) => (count % step + step) % step;
}
