namespace MoA.Cluster.Units;

/// <summary>How units are handed to the members of a cluster.</summary>
internal sealed record ClusterWorkersOptions
{
    /// <summary>How long to wait while there is no member.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often members are looked for.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A question without any answer for so long is asked again: longer than members hold one open.</summary>
    public TimeSpan Answer { get; init; } = TimeSpan.FromSeconds(12);

    /// <summary>A member that has not answered any question for so long is given up.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>Told who takes part, in one line.</summary>
    public Action<string> Note { get; init; } = static _ => { };
}
