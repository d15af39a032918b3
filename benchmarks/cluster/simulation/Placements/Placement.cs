using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Placements;

/// <summary>The placements that are compared, by name.</summary>
internal static class Placement
{
    /// <summary>All of them.</summary>
    public static IReadOnlyList<IPlacement> All { get; } =
    [
        new RandomPlacement(stays: false),
        new RandomPlacement(stays: true),
        new HashPlacement(),
        new BestPlacement("unused-bytes", prefixFirst: false, static report => report.FreeBytes - report.KeptBytes),
        new BestPlacement("free-bytes", prefixFirst: false, static report => report.FreeBytes),
        new BestPlacement("prefix-then-free", prefixFirst: true, static report => report.FreeBytes),
        new TwoChoicesPlacement(),
        new ByCachesPlacement(),
    ];

    /// <summary>The placement of a name.</summary>
    public static IPlacement Find(string name) => All.FirstOrDefault(placement => placement.Name == name)
        ?? throw new ArgumentException($"there is no placement '{name}'; expected one of {string.Join(", ", All.Select(placement => placement.Name))}");
}
