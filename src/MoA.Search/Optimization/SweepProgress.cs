namespace MoA.Search.Optimization;

/// <summary>How far a sweep is.</summary>
/// <param name="Done">Programmes solved.</param>
/// <param name="Total">Programmes in all.</param>
/// <param name="Plans">Different plans found so far, dominated ones included.</param>
public readonly record struct SweepProgress(int Done, int Total, int Plans);
