namespace MoA.Search.Units;

/// <summary>The kinds of units that a search and its evaluations consist of.</summary>
internal static class UnitHandlers
{
    /// <summary>One handler for each kind.</summary>
    public static IReadOnlyList<IUnitHandler> All { get; } = [new AnswersUnit(), new InfluenceUnit(), new ScoresUnit()];
}
