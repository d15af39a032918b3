namespace MoA.Evaluation.Reports;

/// <summary>How long one step of the run took.</summary>
/// <param name="Step">Name of the step: calibrate, profile, optimize, validate, retrieval …</param>
/// <param name="Seconds">Wall-clock seconds.</param>
public sealed record ReportTiming(string Step, double Seconds);
