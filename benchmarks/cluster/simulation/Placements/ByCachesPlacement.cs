using System.Globalization;
using MoA.Cluster.Conversations;
using MoA.Cluster.Simulation.Events;
using MoA.Cluster.Simulation.Serving;

namespace MoA.Cluster.Simulation.Placements;

/// <summary>What the product does: its own <see cref="MemberChoice"/> on what members reported.</summary>
internal sealed class ByCachesPlacement : IPlacement
{
    private static readonly HashSet<ulong> NoPrefixes = [];

    private readonly List<MemberCandidate> _candidates = [];
    private readonly ChoiceRandom _random = new();

    public string Name => "by-caches";

    public int Choose(ClusterMember[] members, List<int> open, Turn turn, long bytes, double now, ref Randomness random)
    {
        _candidates.Clear();
        HashSet<ulong> own = [(ulong)turn.Conversation.System];
        foreach (int id in open)
        {
            ClusterMember member = members[id];
            MemberReport report = member.Reported(now);
            _candidates.Add(new MemberCandidate(
                member.Name, member.CacheBytes, member.CacheBytes - report.FreeBytes + report.KeptBytes, report.KeptBytes, report.Waiting > 0, report.Requests,
                member.ReportedSystem(turn.Conversation.System, now) ? own : NoPrefixes));
        }

        ConversationNeed need = new() { Fingerprint = "", Bytes = bytes, Prefixes = [new ConversationPrefix((ulong)turn.Conversation.System, turn.Conversation.SystemTokens)] };
        _random.Draws = random;
        MemberCandidate chosen = MemberChoice.Choose(_candidates, need, _random)!;
        random = _random.Draws;
        return int.Parse(chosen.Address, CultureInfo.InvariantCulture);
    }

    /// <summary>Numbers of the simulation's own kind, so that a run is the same on every machine.</summary>
    private sealed class ChoiceRandom : Random
    {
        private Randomness _draws;

        public Randomness Draws
        {
            get => _draws;
            set => _draws = value;
        }

        public override int Next(int maxValue) => _draws.Below(maxValue);
    }
}
