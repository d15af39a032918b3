namespace MoA.Benchmarks.Sampling;

/// <summary>What one way of drawing took.</summary>
/// <param name="Kind">Kind of logits.</param>
/// <param name="Name">Way of drawing.</param>
/// <param name="Least">Seconds of the engine for all rows, the fewest.</param>
/// <param name="Median">The median of them.</param>
/// <param name="Sorted">Seconds of a sort of everything for one row, the median; NaN where none was run.</param>
/// <param name="Differ">Draws whose tokens were not the sort's.</param>
internal sealed record SamplingRow(string Kind, string Name, double Least, double Median, double Sorted, int Differ);
