namespace MoA.Evaluation.Reports;

/// <summary>The measured influence of one head, and how much of it the chosen plan keeps.</summary>
/// <param name="Layer">Layer, from 0.</param>
/// <param name="Head">Head of the kind that the plan's rules belong to, from 0.</param>
/// <param name="Kind">Why it is shown: "shortest" or "longest" span of the plan.</param>
/// <param name="Length">Profile length N in tokens.</param>
/// <param name="Blocks">Blocks T on a side.</param>
/// <param name="Values">
/// [T][I + 1]: row I holds the summed influence of key blocks 0..I on query block I, not negative.
/// </param>
/// <param name="RowsKept">Rows that the plan keeps at this length, sink included.</param>
public sealed record ReportInfluence(
    int Layer, int Head, string Kind, int Length, int Blocks, float[][] Values, int RowsKept);
