namespace MoA.Evaluation.Reports;

/// <summary>The loss of one way to run the model on the validation items.</summary>
/// <param name="Name">"dense", "uniform" (StreamingLLM of the chosen plan's density) or a plan's file name.</param>
/// <param name="Length">Validation length in tokens.</param>
/// <param name="MeanLoss">Mean answer loss in nats, data sets weighted equally.</param>
/// <param name="Low">Lower end of the 95 % interval of <paramref name="MeanLoss"/>.</param>
/// <param name="High">Upper end of the 95 % interval of <paramref name="MeanLoss"/>.</param>
/// <param name="Density">Stored share of a full KV cache at this length; in (0, 1].</param>
public sealed record ReportValidation(
    string Name, int Length, double MeanLoss, double Low, double High, double Density)
{
    /// <summary>Items that it ran on: plans that are worse beyond doubt stop early.</summary>
    public int Items { get; init; }

    /// <summary>By how much it loses more than the chosen plan, item by item on those that both ran on; null for the chosen plan.</summary>
    public double? Difference { get; init; }

    /// <summary>The 95 % interval of <see cref="Difference"/>.</summary>
    public ReportInterval? DifferenceInterval { get; init; }
}
