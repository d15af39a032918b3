namespace MoA.Search.Calibration;

/// <summary>The items of one kind that are used at one length.</summary>
/// <param name="Kind">The items' kind, or their data set where they have none, or <c>other</c>.</param>
/// <param name="Length">The profile or validation length N in tokens.</param>
/// <param name="Items">How many items are used.</param>
/// <param name="LeastTokens">Tokens of the shortest.</param>
/// <param name="MostTokens">Tokens of the longest.</param>
/// <param name="MeanTokens">Tokens on average.</param>
internal sealed record CalibrationSummaryRow(
    string Kind, int Length, int Items, int LeastTokens, int MostTokens, double MeanTokens);
