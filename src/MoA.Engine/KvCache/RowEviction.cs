using MoA.Engine.Attention;

namespace MoA.Engine.KvCache;

/// <summary>What an <see cref="EvictionPolicy"/> does to a head's rows before a generated token adds its own.</summary>
internal static class RowEviction
{
    /// <summary>
    /// After a prompt, keeps the rows that the policy chooses and gives the others' memory back; later, where every step
    /// evicts, drops the row of least score once the budget is full.
    /// </summary>
    /// <param name="cache">The sequence; its scores are up to date.</param>
    /// <param name="policy">Its policy.</param>
    /// <param name="layer">Layer.</param>
    /// <param name="keyValueHead">KV head.</param>
    public static void MakeRoom(SequenceCache cache, EvictionPolicy policy, int layer, int keyValueHead)
    {
        HeadCache head = cache.Head(layer, keyValueHead);
        HeldTokens tokens = head.Tokens!;
        int budget = policy.Budget.Rows(cache.Capacity);
        bool everyStep = policy.ObservedQueries is null;
        // Where every step evicts, the new token counts among the recent ones.
        int firstRecent = cache.Length + (everyStep ? 1 : 0) - policy.RecentTokens(budget);
        if (!tokens.IsSettled)
            Settle(cache, policy, layer, head, budget, firstRecent);
        else if (everyStep && tokens.Count >= budget)
            head.Drop(tokens.Least(firstRecent));
    }

    private static void Settle(
        SequenceCache cache, EvictionPolicy policy, int layer, HeadCache head, int budget, int firstRecent)
    {
        HeldTokens tokens = head.Tokens!;
        bool everyStep = policy.ObservedQueries is null;
        int newTokens = cache.Capacity - cache.Length;
        int share = everyStep ? budget - 1 : Math.Max(budget - newTokens, ElasticRule.MinimumRows);
        (int index, int layers) = cache.Evicting(layer);
        int kept = Math.Min(policy.KeptRows(index, layers, tokens.Count, share), tokens.Count);
        int rows = everyStep ? budget : kept + newTokens;
        if (kept < tokens.Count || head.Rows - rows >= ElasticRule.BlockSize)
            head.Keep(tokens.Choose(kept, firstRecent, policy.Pooling), rows);
        tokens.IsSettled = true;
    }
}
