namespace MoA.Search.Optimization;

/// <summary>What a plan search found.</summary>
/// <param name="Problem">The problem that was solved.</param>
/// <param name="Objectives">The least loss at each profile length, with its proof.</param>
/// <param name="Plans">Plans that do not dominate each other, by growing loss at the first profile length.</param>
/// <param name="Programmes">Programmes solved for it.</param>
/// <param name="Elapsed">Time taken.</param>
public sealed record OptimizationResult(
    PlanProblem Problem,
    IReadOnlyList<OptimalObjective> Objectives,
    IReadOnlyList<ParetoPlan> Plans,
    int Programmes,
    TimeSpan Elapsed);
