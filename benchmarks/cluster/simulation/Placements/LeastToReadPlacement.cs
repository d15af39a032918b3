using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Placements;

/// <summary>
/// Of two members by chance that hold the system prompt, and two others by chance, the one with the least before the first token: each request that is there counts like
/// <see cref="RequestTokens"/> tokens to be read, and a system prompt that is not there counts its own. One where the caches fit comes before one where they do not.
/// </summary>
internal sealed class LeastToReadPlacement : IPlacement
{
    /// <summary>What a request takes of a member, in tokens of a prompt: 100 to 300 that it reads, and an answer of 225, of which a token takes as long as 1.5 of a prompt.</summary>
    public const int RequestTokens = 600;

    private const int Choices = 2;

    private readonly List<int> _holders = [];

    public string Name => "least-to-read";

    public int Choose(ClusterMember[] members, List<int> open, Turn turn, long bytes, double now, ref Randomness random)
    {
        _holders.Clear();
        foreach (int id in open)
        {
            if (members[id].ReportedSystem(turn.Conversation.System, now))
                _holders.Add(id);
        }

        (bool IsFull, long Tokens, int Member) best = (true, long.MaxValue, -1);
        for (int i = 0; i < 2 * Choices; i++)
        {
            List<int> among = i < Choices && _holders.Count > 0 ? _holders : open;
            ClusterMember member = members[among[random.Below(among.Count)]];
            MemberReport report = member.Reported(now);
            bool holds = member.ReportedSystem(turn.Conversation.System, now);
            long tokens = (long)report.Requests * RequestTokens + (holds ? 0 : turn.Conversation.SystemTokens);
            (bool, long, int) next = (report.FreeBytes < bytes, tokens, member.Id);
            if (next.CompareTo(best) < 0)
                best = next;
        }

        return best.Member;
    }
}
