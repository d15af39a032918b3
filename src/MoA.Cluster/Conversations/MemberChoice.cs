namespace MoA.Cluster.Conversations;

/// <summary>Chooses the member that is to hold a conversation.</summary>
internal static class MemberChoice
{
    /// <summary>What a request that is there takes of a member, in tokens of a prompt: a few hundred that it reads, and an answer, of which a token takes longer.</summary>
    public const int RequestTokens = 600;

    // So many by chance of those that have read the beginning, and of all: whoever looks at all, with reports that are a second old, sends everybody to one.
    private const int Looked = 2;

    /// <summary>
    /// Of some members by chance the one with the least to read before the conversation's first token: <see cref="RequestTokens"/> for each request that is there, and of the
    /// request's longest beginning what it has not read; of equals the one with most room. One where the request begins at once comes before all where it waits. Null where
    /// there is none.
    /// </summary>
    /// <param name="members">Those that serve the model and are not leaving.</param>
    /// <param name="need">What the request needs.</param>
    /// <param name="random">Chooses whom to look at.</param>
    public static MemberCandidate? Choose(IReadOnlyList<MemberCandidate> members, ConversationNeed need, Random random)
    {
        MemberCandidate[] able = [.. members.Where(member => !need.Avoid.Contains(member.Address))];
        able = Where(able, member => need.Bytes <= member.Limit);
        able = Where(able, member => member.Fits(need.Bytes));
        if (able.Length == 0)
            return null;
        if (able.Length > 2 * Looked)
            able = [.. Draw(Holders(able, need), random), .. Draw(able, random)];
        int start = random.Next(able.Length);
        MemberCandidate best = able[start];
        for (int i = 1; i < able.Length; i++)
        {
            MemberCandidate next = able[(start + i) % able.Length];
            if ((ToRead(next, need), -next.Room).CompareTo((ToRead(best, need), -best.Room)) < 0)
                best = next;
        }

        return best;
    }

    /// <summary>Tokens, about, that a member has to read and write before it writes for a request.</summary>
    public static long ToRead(MemberCandidate member, ConversationNeed need)
    {
        int longest = 0, held = 0;
        foreach (ConversationPrefix prefix in need.Prefixes)
        {
            longest = Math.Max(longest, prefix.Tokens);
            if (member.Prefixes.Contains(prefix.Hash))
                held = Math.Max(held, prefix.Tokens);
        }

        return ((long)member.Requests * RequestTokens) + longest - held;
    }

    // Those that have read the longest of the beginnings that any has read; all where none has read one.
    private static MemberCandidate[] Holders(MemberCandidate[] members, ConversationNeed need)
    {
        foreach (ConversationPrefix prefix in need.Prefixes.OrderByDescending(static prefix => prefix.Tokens))
        {
            MemberCandidate[] holders = [.. members.Where(member => member.Prefixes.Contains(prefix.Hash))];
            if (holders.Length > 0)
                return holders;
        }

        return members;
    }

    private static MemberCandidate[] Draw(MemberCandidate[] members, Random random)
    {
        if (members.Length <= Looked)
            return members;
        int first = random.Next(members.Length), second = (first + 1 + random.Next(members.Length - 1)) % members.Length;
        return [members[first], members[second]];
    }

    // Those of which it holds, if there are any; else all.
    private static MemberCandidate[] Where(IReadOnlyList<MemberCandidate> members, Func<MemberCandidate, bool> holds)
    {
        MemberCandidate[] those = [.. members.Where(holds)];
        return those.Length > 0 ? those : [.. members];
    }
}
