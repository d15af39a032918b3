namespace MoA.Search.Calibration;

/// <summary>How an answer to a <see cref="RetrievalItem"/> compares with the reference.</summary>
/// <param name="Correct">The last whole number of the output is the expected one: LongEval's accuracy.</param>
/// <param name="Exact">The output is the reference answer, white space around it aside.</param>
internal readonly record struct RetrievalVerdict(bool Correct, bool Exact);
