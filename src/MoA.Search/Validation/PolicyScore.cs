namespace MoA.Search.Validation;

/// <summary>How a policy did on the validation items.</summary>
/// <param name="Name">File of the plan, or dense, or uniform.</param>
/// <param name="Loss">Answer loss in nats: mean per item, averaged per data set, data sets weighted equally.</param>
/// <param name="Density">Stored density at the validation length.</param>
/// <param name="ItemLosses">Mean loss of every item's answers, in the items' order.</param>
internal sealed record PolicyScore(string Name, MeanInterval Loss, double Density, IReadOnlyList<double> ItemLosses);
