using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Placements;

/// <summary>The member whose number and the conversation's have the highest hash together: a member that goes moves its own conversations alone.</summary>
internal sealed class HashPlacement : IPlacement
{
    public string Name => "hash";

    public int Choose(ClusterMember[] members, List<int> open, Turn turn, long bytes, double now, ref Randomness random)
    {
        (ulong Hash, int Member) best = default;
        ulong own = Randomness.Mix((ulong)turn.Conversation.Id);
        foreach (int member in open)
        {
            ulong hash = Randomness.Mix(own ^ (0x9E3779B97F4A7C15 * (ulong)(member + 1)));
            if (hash >= best.Hash)
                best = (hash, member);
        }

        return best.Member;
    }
}
