using MoA.Search.Validation;

namespace MoA.Search.Pipeline;

/// <summary>What validation found.</summary>
/// <param name="Plans">Scores of the plans, in their order.</param>
/// <param name="Chosen">Index of the plan of least loss.</param>
/// <param name="Dense">Score of dense attention.</param>
/// <param name="Uniform">Score of the uniform plan that stores as much as the chosen one.</param>
internal sealed record ValidationOutcome(IReadOnlyList<PolicyScore> Plans, int Chosen, PolicyScore Dense, PolicyScore Uniform);
