using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Placements;

/// <summary>As the product.</summary>
internal sealed class ByCachesPlacement : IPlacement
{
    public string Name => "by-caches";

    public int Choose(ClusterMember[] members, List<int> open, Turn turn, long bytes, double now, ref Randomness random)
    {
        bool anyFits = false;
        long most = 0, limit = 0;
        foreach (int id in open)
        {
            MemberReport report = members[id].Reported(now);
            limit = Math.Max(limit, report.FreeBytes);
            bool fits = report.Waiting == 0 && bytes <= report.FreeBytes;
            if (fits && !anyFits)
                (anyFits, most) = (true, long.MinValue);
            if (fits == anyFits)
                most = Math.Max(most, Room(report));
        }

        (int Class, long Value, ulong Draw, int Member) best = (-1, 0, 0, -1);
        foreach (int id in open)
        {
            ClusterMember member = members[id];
            MemberReport report = member.Reported(now);
            bool fits = report.Waiting == 0 && bytes <= report.FreeBytes;
            if (fits != anyFits)
                continue;
            bool holds = member.ReportedSystem(turn.Conversation.System, now) && Room(report) >= most - limit / 4;
            (int, long, ulong, int) next = (holds ? 1 : 0, Room(report), random.Next(), id);
            if (next.CompareTo(best) > 0)
                best = next;
        }

        return best.Member;
    }

    private static long Room(MemberReport report) => report.FreeBytes - report.KeptBytes + report.KeptBytes / 2;
}
