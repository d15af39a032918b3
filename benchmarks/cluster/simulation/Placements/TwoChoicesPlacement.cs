using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Placements;

/// <summary>
/// Of two members by chance the one with fewer requests, so that not everybody who reads the same reports goes to the same place; with prefixes first, two of those that hold
/// the system prompt and have room, or one of them and any.
/// </summary>
internal sealed class TwoChoicesPlacement(bool prefixFirst) : IPlacement
{
    private readonly List<int> _holders = [];

    public string Name => prefixFirst ? "prefix-then-two" : "two-choices";

    public int Choose(ClusterMember[] members, List<int> open, Conversation conversation, long bytes, double now, ref Randomness random)
    {
        List<int> among = open;
        if (prefixFirst)
        {
            _holders.Clear();
            foreach (int id in open)
            {
                MemberReport report = members[id].Reported(now);
                if (report.Waiting == 0 && report.FreeBytes >= bytes && members[id].ReportedSystem(conversation.System, now))
                    _holders.Add(id);
            }

            if (_holders.Count > 1)
                among = _holders;
        }

        int one = among[random.Below(among.Count)], other = among[random.Below(among.Count)];
        MemberReport a = members[one].Reported(now), b = members[other].Reported(now);
        return (b.Requests, -b.FreeBytes).CompareTo((a.Requests, -a.FreeBytes)) < 0 ? other : one;
    }
}
