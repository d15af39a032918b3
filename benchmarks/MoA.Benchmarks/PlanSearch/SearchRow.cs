namespace MoA.Benchmarks.PlanSearch;

/// <summary>One objective of one problem.</summary>
/// <param name="Instance">The problem.</param>
/// <param name="MaxRules">Limit on the distinct rules in a layer.</param>
/// <param name="Length">Profile length of the objective in tokens.</param>
/// <param name="Loss">Loss of the best plan found.</param>
/// <param name="LowerBound">Proven: no plan has less.</param>
/// <param name="Gap">(Loss - LowerBound) / Loss.</param>
/// <param name="Seconds">Elapsed: of the objective, or of the whole sweep.</param>
/// <param name="ProcessorSeconds">User time of all threads.</param>
internal sealed record SearchRow(
    string Instance,
    string MaxRules,
    int Length,
    double Loss,
    double LowerBound,
    double Gap,
    double Seconds,
    double ProcessorSeconds)
{
    /// <summary>Programmes solved by the sweep; 0 for a single objective.</summary>
    public int Programmes { get; init; }

    /// <summary>Plans on the front of the sweep.</summary>
    public int Plans { get; init; }
}
