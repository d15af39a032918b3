using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Placements;

/// <summary>Any member: for a conversation, or for each of its turns as a balancer does that knows nothing of conversations.</summary>
internal sealed class RandomPlacement(bool stays) : IPlacement
{
    public string Name => stays ? "random" : "random-turn";

    public bool Stays => stays;

    public int Choose(ClusterMember[] members, List<int> open, Turn turn, long bytes, double now, ref Randomness random) =>
        open[random.Below(open.Count)];
}
