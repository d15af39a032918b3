namespace MoA.Evaluation.Reports;

/// <summary>One plan of the Pareto front.</summary>
/// <param name="File">File name of the plan, such as <c>plan-003.json</c>.</param>
/// <param name="Losses">Predicted loss by profile length in tokens, summed over heads.</param>
/// <param name="Densities">Mean density by constrained length in tokens; in (0, 1].</param>
/// <param name="ValidationLoss">Mean answer loss at the validation length in nats; null when it was not run.</param>
/// <param name="ValidationInterval">Interval of <paramref name="ValidationLoss"/>; null when unknown.</param>
/// <param name="Chosen">Whether this is the plan that the search hands over.</param>
public sealed record ReportPlan(
    string File,
    IReadOnlyDictionary<int, double> Losses,
    IReadOnlyDictionary<int, double> Densities,
    double? ValidationLoss,
    ReportInterval? ValidationInterval,
    bool Chosen);
