namespace MoA.Search.Validation;

/// <summary>How a policy did on the validation items.</summary>
/// <param name="Name">File of the plan, or dense, or uniform.</param>
/// <param name="Loss">Answer loss in nats: mean per item, averaged per data set, data sets weighted equally.</param>
/// <param name="Density">Stored density at the validation length.</param>
/// <param name="ItemLosses">Mean loss of the answers of every item that it ran on, in the items' order; in a race of plans, in the order of the race.</param>
internal sealed record PolicyScore(string Name, MeanInterval Loss, double Density, IReadOnlyList<double> ItemLosses)
{
    /// <summary>By how much it loses more than the chosen plan, item by item on those that both ran on; null for the chosen plan.</summary>
    public MeanInterval? Difference { get; init; }
}
