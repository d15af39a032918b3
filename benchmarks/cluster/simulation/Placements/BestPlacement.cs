using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Placements;

/// <summary>The member whose report says the most, any of equal ones; with prefixes first, among those that hold the system prompt and have room, if there are any.</summary>
internal sealed class BestPlacement(string name, bool prefixFirst, Func<MemberReport, long> value) : IPlacement
{
    public string Name => name;

    public int Choose(ClusterMember[] members, List<int> open, Turn turn, long bytes, double now, ref Randomness random)
    {
        (int Class, long Value, ulong Draw, int Member) best = (-1, 0, 0, -1);
        foreach (int id in open)
        {
            ClusterMember member = members[id];
            MemberReport report = member.Reported(now);
            bool holds = prefixFirst && report.Waiting == 0 && report.FreeBytes >= bytes && member.ReportedSystem(turn.Conversation.System, now);
            (int, long, ulong, int) next = (holds ? 1 : 0, value(report), random.Next(), id);
            if (next.CompareTo(best) > 0)
                best = next;
        }

        return best.Member;
    }
}
