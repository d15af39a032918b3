namespace MoA.Cluster.Conversations;

/// <summary>Chooses the member that is to hold a conversation.</summary>
internal static class MemberChoice
{
    // How much more room another one must have, as a share of all of a member's memory, before a beginning is read a second time there.
    private const double MuchFuller = 0.25;

    /// <summary>
    /// The member with most room, where requests begin at once before those where they wait; but one that has read the longest of the request's beginnings already, unless
    /// it is much fuller. Null where there is none.
    /// </summary>
    /// <param name="members">Those that serve the model and are not leaving.</param>
    /// <param name="need">What the request needs.</param>
    /// <param name="random">Chooses among equals.</param>
    public static MemberCandidate? Choose(IReadOnlyList<MemberCandidate> members, ConversationNeed need, Random random)
    {
        MemberCandidate[] able = [.. members.Where(member => !need.Avoid.Contains(member.Address))];
        able = Where(able, member => need.Bytes <= member.Limit);
        able = Where(able, member => member.Fits(need.Bytes));
        if (able.Length == 0)
            return null;
        long most = able.Max(static member => member.Room);
        for (int i = need.Prefixes.Count - 1; i >= 0; i--)
        {
            ulong prefix = need.Prefixes[i];
            MemberCandidate[] holders = [.. able.Where(member => member.Prefixes.Contains(prefix) && member.Room >= most - (long)(MuchFuller * member.Limit))];
            if (holders.Length > 0)
                return MostRoom(holders, random);
        }

        return MostRoom(able, random);
    }

    // Those of which it holds, if there are any; else all.
    private static MemberCandidate[] Where(IReadOnlyList<MemberCandidate> members, Func<MemberCandidate, bool> holds)
    {
        MemberCandidate[] those = [.. members.Where(holds)];
        return those.Length > 0 ? those : [.. members];
    }

    private static MemberCandidate MostRoom(MemberCandidate[] members, Random random)
    {
        long most = members.Max(static member => member.Room);
        MemberCandidate[] equal = [.. members.Where(member => member.Room == most)];
        return equal[random.Next(equal.Length)];
    }
}
