namespace MoA.Search.Units;

/// <summary>Why a unit could not be computed.</summary>
/// <param name="Reason">One line.</param>
/// <param name="IsInput">Whether what was asked for is to blame, as on one machine where bad input is.</param>
internal sealed record UnitFailure(string Reason, bool IsInput);
