namespace MoA.Evaluation.Retrieval;

/// <summary>Retrieval accuracy of one policy at one length.</summary>
/// <param name="Policy">Name of the policy.</param>
/// <param name="Length">Tokens of prompt and answer together, at most.</param>
/// <param name="Items">Questions asked.</param>
/// <param name="Correct">Answers whose last integer is the expected one.</param>
/// <param name="Exact">Answers that are the expected text to the letter.</param>
/// <param name="Density">Stored share of a full cache at the length.</param>
/// <param name="KvBytes">Bytes of one sequence's caches, averaged over the items as they were allocated.</param>
/// <param name="ByDepth">Accuracy in each bin of depth, from the document's start to its end; null for an empty bin.</param>
internal sealed record RetrievalScore(
    string Policy, int Length, int Items, int Correct, int Exact, double Density, long KvBytes, double?[] ByDepth)
{
    /// <summary>Share of correct answers.</summary>
    public double Accuracy => (double)Correct / Items;

    /// <summary>The accuracy's 95% confidence interval.</summary>
    public WilsonInterval Interval => WilsonInterval.Of(Correct, Items);
}
