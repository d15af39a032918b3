namespace MoA.Evaluation.Reports;

/// <summary>The command that makes a table of the report again.</summary>
/// <param name="Table">What the table shows.</param>
/// <param name="Command">Command line.</param>
public sealed record ReportCommand(string Table, string Command);
