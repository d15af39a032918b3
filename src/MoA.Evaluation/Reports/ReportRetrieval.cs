namespace MoA.Evaluation.Reports;

/// <summary>Retrieval accuracy of one policy at one length.</summary>
/// <param name="Policy">"dense", "moa" (the chosen plan) or "uniform" (StreamingLLM of the plan's density).</param>
/// <param name="Length">Length in tokens.</param>
/// <param name="Items">Questions asked.</param>
/// <param name="Correct">Questions answered correctly.</param>
/// <param name="Accuracy">Correct / Items; in [0, 1].</param>
/// <param name="Low">Lower end of the Wilson 95 % interval.</param>
/// <param name="High">Upper end of the Wilson 95 % interval.</param>
/// <param name="Density">Stored share of a full KV cache; in (0, 1].</param>
/// <param name="KvBytes">Bytes of KV cache of one sequence.</param>
/// <param name="ByDepth">
/// Accuracy by where the answer stands, equal bins from the start of the context to its end; null where a bin has no
/// item.
/// </param>
public sealed record ReportRetrieval(
    string Policy,
    int Length,
    int Items,
    int Correct,
    double Accuracy,
    double Low,
    double High,
    double Density,
    long KvBytes,
    double?[] ByDepth);
