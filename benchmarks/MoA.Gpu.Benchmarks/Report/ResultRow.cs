namespace MoA.Gpu.Benchmarks.Report;

/// <summary>A result.</summary>
/// <param name="Part">The part of the run.</param>
/// <param name="Name">What was measured or compared.</param>
/// <param name="Holds">Of a comparison, whether it held.</param>
/// <param name="Figures">Numbers and words by name; units are in the names.</param>
internal sealed record ResultRow(string Part, string Name, bool? Holds, IReadOnlyList<(string Key, object? Value)> Figures);
