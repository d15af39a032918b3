namespace MoA.Search.Tests.Optimization;

/// <summary>A test that asks the <see cref="Referee"/>; skipped where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RefereeFactAttribute : FactAttribute
{
    public RefereeFactAttribute() => Skip = Referee.Absence!;
}
