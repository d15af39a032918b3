namespace MoA.Search.Optimization;

/// <summary>
/// One objective of a problem in the form that the solver works on: choose a rule per head, at most
/// <see cref="MaxRules"/> different ones within a layer, so that the summed cost is least and the summed usage of every
/// row lies within its limits. Rows are the density bounds and the limits on other objectives, scaled to about 1.
/// </summary>
internal sealed class CoupledProgramme
{
    private const double ObjectiveTolerance = 1e-6;

    /// <summary>What sums of many densities may be off by; far less than a block.</summary>
    private const double Rounding = 1e-9;

    private readonly PlanProblem _problem;
    private readonly int[] _ruleOf;
    private readonly int _headsPerChoice;
    private readonly double[] _costWeights;
    private readonly IReadOnlyList<ObjectiveBound> _bounds;
    private readonly int _primary;
    private readonly List<LatticeRows> _lattices = [];

    public CoupledProgramme(
        PlanProblem problem, int primary, IReadOnlyList<ObjectiveBound> bounds, double[] costWeights, bool withLattices = false)
    {
        _problem = problem;
        (_primary, _bounds, _costWeights) = (primary, bounds, costWeights);
        _ruleOf = DistinctRules(problem);
        _headsPerChoice = problem.SamePerLayer ? problem.HeadsPerLayer : 1;
        Layers = problem.Layers;
        Heads = problem.HeadsPerLayer / _headsPerChoice;
        Rules = _ruleOf.Length;
        MaxRules = problem.MaxRulesPerLayer is int limit && limit < Math.Min(Rules, Heads) ? limit : null;

        double[] cost = new double[Layers * Heads * Rules];
        for (int objective = 0; objective < costWeights.Length; objective++)
        {
            if (costWeights[objective] != 0)
                AddScaled(cost, costWeights[objective], Losses(objective));
        }

        double meanCost = cost.Sum() / Rules;
        CostScale = meanCost > 0 && costWeights[primary] > 0 ? meanCost : 1;
        Cost = [.. cost.Select(value => value / CostScale)];

        List<double[]> usage = [];
        List<double> lower = [];
        List<double> upper = [];
        foreach (DensityConstraint constraint in problem.Constraints)
        {
            usage.Add(Densities(constraint));
            upper.Add(1 + DensityConstraint.Tolerance);
            lower.Add(problem.DensityFloor is double floor ? floor * (1 - DensityConstraint.Tolerance) : double.NegativeInfinity);
        }

        foreach (ObjectiveBound bound in bounds)
        {
            double scale = double.IsFinite(bound.High) && bound.High != 0 ? Math.Abs(bound.High)
                : double.IsFinite(bound.Low) && bound.Low != 0 ? Math.Abs(bound.Low) : 1;
            usage.Add([.. Losses(bound.Objective).Select(value => value / scale)]);
            upper.Add(bound.High / scale + ObjectiveTolerance * Math.Abs(bound.High / scale));
            lower.Add(bound.Low / scale - ObjectiveTolerance * Math.Abs(bound.Low / scale));
        }

        for (int constraint = 0; constraint < problem.Constraints.Count; constraint++)
            UseLattice(constraint, withLattices, usage, lower, upper);
        Usage = [.. usage];
        Lower = [.. lower];
        Upper = [.. upper];
    }

    private CoupledProgramme(CoupledProgramme other, double[][] usage, double[] lower, double[] upper)
    {
        _problem = other._problem;
        _ruleOf = other._ruleOf;
        _headsPerChoice = other._headsPerChoice;
        _lattices = other._lattices;
        (_primary, _bounds, _costWeights) = (other._primary, other._bounds, other._costWeights);
        Layers = other.Layers;
        Heads = other.Heads;
        Rules = other.Rules;
        MaxRules = other.MaxRules;
        Cost = other.Cost;
        CostScale = other.CostScale;
        Usage = usage;
        Lower = lower;
        Upper = upper;
    }

    public int Layers { get; }

    public int Heads { get; }

    /// <summary>Rules after merging those that cannot be told apart.</summary>
    public int Rules { get; }

    /// <summary>Null when the limit is absent or cannot bind.</summary>
    public int? MaxRules { get; }

    /// <summary>[layers·heads, rules], divided by <see cref="CostScale"/>.</summary>
    public double[] Cost { get; }

    public double CostScale { get; }

    /// <summary>[rows][layers·heads, rules].</summary>
    public double[][] Usage { get; }

    public double[] Lower { get; }

    public double[] Upper { get; }

    public int Rows => Usage.Length;

    /// <summary>The rows that count heads, from the first to before the last; what one head is in them is a share of all heads.</summary>
    public (int First, int End) CountRows { get; private init; }

    /// <summary>Whether the search may look at so many nodes that it ends with a proof as a rule.</summary>
    public bool IsSmall => Layers * Heads <= 64;

    /// <summary>Whether some density has a lattice that some rules do not lie on.</summary>
    public bool HasLattices { get; private set; }

    /// <summary>The rows of such lattices, in a programme that has them.</summary>
    public IReadOnlyList<LatticeRows> Lattices => _lattices;

    /// <summary>The same programme with rows for its lattices.</summary>
    public CoupledProgramme WithLattices() => new(_problem, _primary, _bounds, _costWeights, withLattices: true);

    /// <summary>Whether the limits of a row exclude each other.</summary>
    public bool ExcludesAll => Lower.Zip(Upper).Any(limits => limits.First > limits.Second);

    /// <summary>The same programme where no other than some rules are used: limits shrink to what whole blocks of these can meet.</summary>
    public CoupledProgramme ForRules(int[] rules)
    {
        double[] lower = (double[])Lower.Clone();
        double[] upper = (double[])Upper.Clone();
        int[] given = [.. rules.Select(rule => _ruleOf[rule])];
        for (int constraint = 0; constraint < _problem.Constraints.Count; constraint++)
        {
            if (DensityLattice.Of(_problem.Constraints[constraint], _problem.DensityFloor, given, Layers * Heads) is not DensityLattice lattice)
                continue;
            lower[constraint] = Math.Max(lower[constraint], lattice.LeastShare - Rounding);
            upper[constraint] = Math.Min(upper[constraint], lattice.GreatestShare + Rounding);
        }

        return Within(lower, upper);
    }

    /// <summary>The same programme with other limits.</summary>
    public CoupledProgramme Within(double[] lower, double[] upper) => new(this, Usage, lower, upper);

    /// <summary>
    /// The same programme with a row for each of some rules that counts the heads which take it: unlimited, until a search splits it.
    /// </summary>
    public CoupledProgramme WithCounts(int[] rules)
    {
        double scale = 1.0 / (Layers * Heads);
        double[][] counts = [.. rules.Select(counted => PerRule([.. Enumerable.Range(0, Rules).Select(rule => rule == counted ? 1 : 0)], scale))];
        double[] none = [.. rules.Select(_ => double.PositiveInfinity)];
        return new CoupledProgramme(this, [.. Usage, .. counts], [.. Lower, .. none.Select(value => -value)], [.. Upper, .. none])
        {
            CountRows = (Rows, Rows + rules.Length),
        };
    }

    /// <summary>Cost of the dearest choice of all, limits aside.</summary>
    private double GreatestCost() => ExtremeCost(double.NegativeInfinity, Math.Max);

    /// <summary>A number above the cost of every choice: a bound that reaches it shows that there is none.</summary>
    public double CostBeyondAll() => GreatestCost() + 1e-6 * Math.Max(1, CostSpread());

    /// <summary>No two choices differ by more than this in cost.</summary>
    public double CostSpread() => GreatestCost() - ExtremeCost(double.PositiveInfinity, Math.Min);

    /// <summary>How far a usage is outside the limits, summed over rows.</summary>
    public double Violation(ReadOnlySpan<double> usage)
    {
        double violation = 0;
        for (int row = 0; row < usage.Length; row++)
            violation += Math.Max(0, usage[row] - Upper[row]) + Math.Max(0, Lower[row] - usage[row]);
        return violation;
    }

    /// <summary>The rule of every head of the problem for a rule of every head of the programme.</summary>
    public int[] Expand(ReadOnlySpan<int> choice)
    {
        int[] ruleOfHead = new int[_problem.Heads];
        for (int head = 0; head < ruleOfHead.Length; head++)
            ruleOfHead[head] = _ruleOf[choice[head / _headsPerChoice]];
        return ruleOfHead;
    }

    /// <summary>First of each set of rules with the same losses and densities everywhere.</summary>
    private static int[] DistinctRules(PlanProblem problem)
    {
        List<int> distinct = [];
        for (int rule = 0; rule < problem.Rules.Count; rule++)
        {
            if (!distinct.Exists(other => AreAlike(problem, rule, other)))
                distinct.Add(rule);
        }

        return [.. distinct];
    }

    private static bool AreAlike(PlanProblem problem, int rule, int other)
    {
        foreach (DensityConstraint constraint in problem.Constraints)
        {
            if (constraint.Densities[rule] != constraint.Densities[other])
                return false;
        }

        int rules = problem.Rules.Count;
        foreach (PlanObjective objective in problem.Objectives)
        {
            for (int head = 0; head < problem.Heads; head++)
            {
                if (objective.Losses[head * rules + rule] != objective.Losses[head * rules + other])
                    return false;
            }
        }

        return true;
    }

    private double[] Losses(int objective)
    {
        double[] losses = new double[Layers * Heads * Rules];
        double[] given = _problem.Objectives[objective].Losses;
        for (int head = 0; head < _problem.Heads; head++)
        {
            for (int rule = 0; rule < Rules; rule++)
                losses[head / _headsPerChoice * Rules + rule] += given[head * _problem.Rules.Count + _ruleOf[rule]];
        }

        return losses;
    }

    private double[] Densities(DensityConstraint constraint)
    {
        double[] densities = new double[Layers * Heads * Rules];
        for (int i = 0; i < densities.Length; i++)
            densities[i] = constraint.Densities[_ruleOf[i % Rules]] / (constraint.Bound * Layers * Heads);
        return densities;
    }

    /// <summary>
    /// Lowers a limit to what whole blocks can use and, if asked for, adds rows for the sums A and E of a lattice that some
    /// rules do not lie on: unlimited, until a search splits E.
    /// </summary>
    private void UseLattice(
        int constraint, bool withRows, List<double[]> usage, List<double> lower, List<double> upper)
    {
        int choices = Layers * Heads;
        if (DensityLattice.Of(_problem.Constraints[constraint], _problem.DensityFloor, _ruleOf, choices) is not DensityLattice lattice)
            return;
        (lower[constraint], upper[constraint]) = (lattice.LeastShare - Rounding, lattice.GreatestShare + Rounding);
        HasLattices |= !lattice.IsWhole;
        if (lattice.IsWhole || !withRows)
            return;
        double scale = 1.0 / choices;
        _lattices.Add(new LatticeRows(lattice, usage.Count, usage.Count + 1, scale));
        foreach (int[] counts in new[] { lattice.Steps, lattice.Offsets })
        {
            usage.Add(PerRule(counts, scale));
            lower.Add(double.NegativeInfinity);
            upper.Add(double.PositiveInfinity);
        }
    }

    private double[] PerRule(int[] counts, double scale)
    {
        double[] values = new double[Layers * Heads * Rules];
        for (int i = 0; i < values.Length; i++)
            values[i] = counts[i % Rules] * scale;
        return values;
    }

    private double ExtremeCost(double start, Func<double, double, double> extreme)
    {
        double sum = 0;
        for (int head = 0; head < Layers * Heads; head++)
        {
            double value = start;
            foreach (double cost in Cost.AsSpan(head * Rules, Rules))
                value = extreme(value, cost);
            sum += value;
        }

        return sum;
    }

    private static void AddScaled(double[] sum, double weight, double[] values)
    {
        for (int i = 0; i < sum.Length; i++)
            sum[i] += weight * values[i];
    }
}
