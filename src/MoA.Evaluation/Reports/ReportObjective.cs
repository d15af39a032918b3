namespace MoA.Evaluation.Reports;

/// <summary>The least predicted loss that a search found at one profile length, and its proof.</summary>
/// <param name="Length">Profile length in tokens.</param>
/// <param name="Loss">Predicted loss of the best plan for this length, summed over heads.</param>
/// <param name="LowerBound">No plan within the bounds has a smaller loss than this.</param>
/// <param name="RelativeGap">(Loss - LowerBound) / Loss; 0 when Loss is 0.</param>
public sealed record ReportObjective(int Length, double Loss, double LowerBound, double RelativeGap);
