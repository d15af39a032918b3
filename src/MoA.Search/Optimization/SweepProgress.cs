namespace MoA.Search.Optimization;

/// <summary>How far a sweep is.</summary>
/// <param name="Done">Programmes solved.</param>
/// <param name="Total">Programmes in all; grows while the front is refined.</param>
/// <param name="LeastLosses">[profile lengths]: least loss of any plan so far, infinity before the first.</param>
internal readonly record struct SweepProgress(int Done, int Total, IReadOnlyList<double> LeastLosses);
