using MoA.Engine.Generation;

namespace MoA.Serving;

/// <summary>What came of a request.</summary>
/// <param name="Text">All text that was written.</param>
/// <param name="Tokens">All tokens, the one that ended the turn included.</param>
/// <param name="Finish">Why it ended.</param>
/// <param name="Usage">What it took.</param>
public sealed record GenerationOutcome(string Text, IReadOnlyList<int> Tokens, FinishReason Finish, Usage Usage);
