using MoA.Search.Units;

namespace MoA.Cluster.Units;

/// <summary>The members of a cluster as those who compute the units of a search.</summary>
/// <param name="grains">Calls members.</param>
/// <param name="model">The model of all units.</param>
/// <param name="options">How units are handed out.</param>
internal sealed class ClusterWorkers(IGrainFactory grains, UnitModel model, ClusterWorkersOptions options) : IUnitWorkers
{
    private readonly Dictionary<string, UnitMember> _members = [];

    /// <inheritdoc/>
    public void Run(
        IReadOnlyList<WorkUnit> units, bool inOrder, Func<int, ReadOnlyMemory<byte>, WorkUnit?> finished, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(units);
        if (units.Count == 0)
            return;
        UnitSchedule schedule = new(units, inOrder, finished);
        UnitDispatch dispatch = new(grains, model, options, schedule, _members);
        Task.Run(() => dispatch.RunAsync(cancellation), CancellationToken.None).GetAwaiter().GetResult();
    }
}
