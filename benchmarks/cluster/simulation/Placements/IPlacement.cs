using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Placements;

/// <summary>Where a conversation goes.</summary>
internal interface IPlacement
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Whether a conversation's next turn goes where its caches are.</summary>
    bool Stays => true;

    /// <summary>A member for a conversation, among those that are open.</summary>
    /// <param name="members">All members.</param>
    /// <param name="open">Numbers of those that take conversations, at least one.</param>
    /// <param name="turn">The request whose conversation is placed.</param>
    /// <param name="bytes">Bytes that it needs.</param>
    /// <param name="now">When.</param>
    /// <param name="random">Draws.</param>
    int Choose(ClusterMember[] members, List<int> open, Turn turn, long bytes, double now, ref Randomness random);
}
