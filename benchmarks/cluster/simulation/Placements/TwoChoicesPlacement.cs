using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Placements;

/// <summary>Of two members by chance the one with fewer requests, so that not everybody who reads the same reports goes to the same place.</summary>
internal sealed class TwoChoicesPlacement : IPlacement
{
    public string Name => "two-choices";

    public int Choose(ClusterMember[] members, List<int> open, Turn turn, long bytes, double now, ref Randomness random)
    {
        int one = open[random.Below(open.Count)], other = open[random.Below(open.Count)];
        MemberReport a = members[one].Reported(now), b = members[other].Reported(now);
        return (b.Requests, -b.FreeBytes).CompareTo((a.Requests, -a.FreeBytes)) < 0 ? other : one;
    }
}
