namespace MoA.Search.Optimization;

/// <summary>The end of a search over a programme, in its scaled cost.</summary>
/// <param name="Choice">[layers·heads]: rule of the programme for every head, or null if none was found below the known cost.</param>
/// <param name="Cost">Cost of the choice, or the known cost.</param>
/// <param name="Bound">Proven: no choice that keeps the limits costs less than this and <paramref name="Cost"/>; infinity if none keeps them.</param>
/// <param name="Prices">[rows]: prices of the root bound.</param>
internal sealed record SearchOutcome(int[]? Choice, double Cost, double Bound, double[] Prices);
