namespace MoA.Evaluation.Reports;

/// <summary>A 95 % confidence interval.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end, not below <paramref name="Low"/>.</param>
public sealed record ReportInterval(double Low, double High);
