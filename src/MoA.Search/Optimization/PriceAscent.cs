namespace MoA.Search.Optimization;

/// <summary>
/// Maximises the Lagrangian dual over the prices of the rows by cutting planes: every choice found at some prices is a
/// cut, and a trial between the best prices so far and those of the cuts' linear programme keeps the steps short.
/// </summary>
internal sealed class PriceAscent
{
    /// <summary>Cuts made however little effort is allowed: the first prices say nothing.</summary>
    private const int LeastIterations = 40;
    private const double LeastPenalty = 10;
    private const double GreatestPenalty = 1e7;

    private readonly SearchEffort _effort;
    private readonly double[] _lower;
    private readonly double[] _upper;
    private readonly double[] _trial;
    private readonly double[] _prices;

    public PriceAscent(double[] lower, double[] upper, SearchEffort effort)
    {
        _effort = effort;
        _lower = lower;
        _upper = upper;
        _trial = new double[lower.Length];
        _prices = new double[lower.Length];
        BestPrices = new double[lower.Length];
    }

    /// <summary>Proven: no choice that keeps the limits costs less.</summary>
    public double Bound { get; private set; }

    /// <summary>The prices of <see cref="Bound"/>.</summary>
    public double[] BestPrices { get; private set; }

    /// <summary>The linear programme at the end; its mixture is the fractional solution.</summary>
    public PriceMaster? Master { get; private set; }

    /// <summary>Prices rise until the dual is within a tolerance of its best or above <paramref name="cutoff"/>.</summary>
    /// <param name="programme">What is priced.</param>
    /// <param name="start">Prices to start from.</param>
    /// <param name="known">Choices to start with.</param>
    /// <param name="costSpread">Greatest difference between the costs of two choices; the unit of penalties.</param>
    /// <param name="cutoff">A bound of this much is enough.</param>
    /// <param name="tolerance">Relative precision of the dual.</param>
    /// <param name="createChoice">Makes an empty choice.</param>
    /// <param name="iterationLimit">Greatest number of cuts to add.</param>
    public void Maximise(
        IPricedProgramme programme,
        ReadOnlySpan<double> start,
        IReadOnlyList<PricedChoice> known,
        double costSpread,
        double cutoff,
        double tolerance,
        Func<PricedChoice> createChoice,
        int iterationLimit)
    {
        Bound = double.NegativeInfinity;
        double penalty = LeastPenalty * Math.Max(costSpread, 1e-12);
        double greatest = GreatestPenalty * Math.Max(costSpread, 1e-12);
        start.CopyTo(_trial);
        List<PricedChoice> choices = [.. known];
        while (true)
        {
            Climb(programme, choices, penalty, cutoff, tolerance, createChoice, iterationLimit);
            if (Bound >= cutoff || Master!.Excess <= 1e-10 || penalty >= greatest || _effort.IsSpent())
                return;
            // The penalty was the cheaper way out: it has to rise before the limits are known to exclude each other.
            penalty *= 1000;
            choices = [.. Master.Choices];
            BestPrices.CopyTo(_trial, 0);
        }
    }

    /// <summary>What the limits take from the priced optimum: less prices·limits.</summary>
    public double LimitsAt(ReadOnlySpan<double> prices)
    {
        double sum = 0;
        for (int row = 0; row < prices.Length; row++)
            sum -= prices[row] == 0 ? 0 : prices[row] * (prices[row] > 0 ? _upper[row] : _lower[row]);
        return sum;
    }

    private void Climb(
        IPricedProgramme programme,
        List<PricedChoice> choices,
        double penalty,
        double cutoff,
        double tolerance,
        Func<PricedChoice> createChoice,
        int iterationLimit)
    {
        PriceMaster master = new(_lower, _upper, penalty);
        Master = master;
        foreach (PricedChoice choice in choices)
            master.Add(choice);
        double pull = 0.5;
        for (int iteration = 0; iteration < iterationLimit; iteration++)
        {
            PricedChoice choice = createChoice();
            double value = Evaluate(programme, _trial, choice);
            bool improved = value > Bound;
            if (improved)
            {
                Bound = value;
                _trial.CopyTo(BestPrices, 0);
            }

            master.Add(choice);
            master.Solve(_prices);
            _effort.Add(60L * master.Choices.Count);
            if ((iteration >= LeastIterations && _effort.IsSpent()) || Bound >= cutoff
                || master.Value - Bound <= tolerance * Math.Max(Math.Abs(Bound), 1e-9))
                return;
            pull = improved ? 0.5 : Math.Max(0, pull - 0.25);
            for (int row = 0; row < _trial.Length; row++)
                _trial[row] = pull * BestPrices[row] + (1 - pull) * _prices[row];
        }
    }

    private double Evaluate(IPricedProgramme programme, double[] prices, PricedChoice choice)
    {
        double value = programme.Price(prices, choice) + LimitsAt(prices);
        _effort.Add(programme.LastWork);
        return value;
    }
}
