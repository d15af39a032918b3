namespace MoA.Search.Optimization;

/// <summary>The end of a search over a programme, in its scaled cost.</summary>
/// <param name="Choice">[layers·heads]: rule of the programme for every head, or null without a plan.</param>
/// <param name="Bound">Proven: no choice that keeps the limits costs less; infinity if none keeps them.</param>
/// <param name="Prices">[rows]: prices of the root bound.</param>
internal sealed record SearchOutcome(int[]? Choice, double Bound, double[] Prices);
