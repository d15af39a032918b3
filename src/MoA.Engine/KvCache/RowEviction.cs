using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.KvCache;

/// <summary>What an <see cref="EvictionPolicy"/> does to rows before a generated token adds its own.</summary>
internal static class RowEviction
{
    /// <summary>What heads keep of a text on average where new tokens leave less of the budget.</summary>
    public const int LeastRows = 64;

    /// <summary>Whether rows of a head are to be chosen before a generated token adds its own: behind a prompt, and as often as the policy says.</summary>
    public static bool IsDue(HeadCache head, EvictionPolicy policy) => !head.Tokens!.IsSettled || head.Tokens.Written >= policy.Every;

    /// <summary>Where every step evicts and each head goes by itself, drops the row of least score of a head once the budget is full.</summary>
    /// <param name="cache">The sequence; its scores are up to date.</param>
    /// <param name="policy">Its policy.</param>
    /// <param name="layer">Layer.</param>
    /// <param name="keyValueHead">KV head.</param>
    public static void DropOne(SequenceCache cache, EvictionPolicy policy, int layer, int keyValueHead)
    {
        HeadCache head = cache.Head(layer, keyValueHead);
        if (!policy.EvictsEveryStep || policy.Scorer.IsOfLayer || !head.Tokens!.IsSettled)
            return;
        int rows = policy.RowsOf(layer, keyValueHead, cache.KeyValueHeads, cache.Capacity);
        if (head.Tokens.Count >= rows)
            head.Drop(head.Tokens.Least(policy.SinkTokens(rows), FirstRecent(cache, policy, rows)));
    }

    /// <summary>
    /// After a prompt, and again as often as the policy says, keeps the rows of a layer that the policy chooses and gives the others' memory back; later, where every step evicts and
    /// heads go together, drops the same row of all.
    /// </summary>
    /// <inheritdoc cref="DropOne"/>
    public static void MakeRoom(SequenceCache cache, EvictionPolicy policy, int layer)
    {
        HeadCache first = cache.Head(layer, 0);
        bool isDue = IsDue(first, policy), isOfLayer = policy.Scorer.IsOfLayer;
        int rows = policy.RowsOf(layer, 0, cache.KeyValueHeads, cache.Capacity);
        bool drops = !isDue && isOfLayer && policy.EvictsEveryStep && first.Tokens!.Count >= rows;
        if (isOfLayer && (drops || isDue))
            AddUp(cache, layer);
        if (isDue)
        {
            Settle(cache, policy, [layer]);
        }
        else if (drops)
        {
            int least = first.Tokens!.Least(policy.SinkTokens(rows), FirstRecent(cache, policy, rows));
            for (int head = 0; head < cache.KeyValueHeads; head++)
                cache.Head(layer, head).Drop(least);
        }
    }

    /// <summary>While a prompt is read, keeps the rows of a head that the policy chooses, in the memory that it has.</summary>
    /// <param name="cache">The sequence; its scores are up to date.</param>
    /// <param name="policy">Its policy.</param>
    /// <param name="layer">Layer.</param>
    /// <param name="keyValueHead">KV head.</param>
    /// <param name="length">Tokens read.</param>
    public static void Trim(SequenceCache cache, EvictionPolicy policy, int layer, int keyValueHead, int length)
    {
        HeadCache head = cache.Head(layer, keyValueHead);
        int rows = policy.RowsOf(layer, keyValueHead, cache.KeyValueHeads, cache.Capacity);
        head.Keep(Rank(head, policy, rows, length - policy.RecentTokens(rows)).Best(rows), head.Rows);
    }

    /// <summary>Keeps the rows that the policy chooses, and gives the others' memory back.</summary>
    /// <param name="cache">The sequence; its scores are up to date.</param>
    /// <param name="policy">Its policy.</param>
    /// <param name="layers">The layers among whose heads rows are shared out.</param>
    public static void Settle(SequenceCache cache, EvictionPolicy policy, IReadOnlyList<int> layers)
    {
        int newTokens = Math.Min(cache.Capacity - cache.Length, policy.Every ?? int.MaxValue);
        HeadCache[] heads = [.. layers.SelectMany(layer => Enumerable.Range(0, cache.KeyValueHeads).Select(head => cache.Head(layer, head)))];
        RowRanking[] ranked = new RowRanking[heads.Length];
        int[] budgets = new int[heads.Length], kept = new int[heads.Length];
        for (int i = 0; i < heads.Length; i++)
        {
            budgets[i] = policy.RowsOf(layers[i / cache.KeyValueHeads], i % cache.KeyValueHeads, cache.KeyValueHeads, cache.Capacity);
            kept[i] = policy.EvictsEveryStep ? budgets[i] - 1 : Math.Max(budgets[i] - newTokens, LeastRows);
            int rows = policy.EvictsEveryStep ? budgets[i] : kept[i];
            ranked[i] = Rank(heads[i], policy, rows, FirstRecent(cache, policy, rows));
        }

        if (layers.Count == 1)
        {
            (int index, int count) = cache.Evicting(layers[0]);
            // Those that choose again hold little of the text in some layers by then, and are to keep their proportions.
            int held = policy.Every is null ? heads.Max(head => head.Tokens!.Count) : cache.Length;
            foreach (ref int rows in kept.AsSpan())
                rows = policy.KeptRows(index, count, held, rows);
        }

        policy.Divide(ranked, kept);
        bool drops = false;
        for (int i = 0; i < heads.Length; i++)
        {
            kept[i] = Math.Clamp(kept[i], 1, heads[i].Tokens!.Count);
            drops |= kept[i] < heads[i].Tokens!.Count;
        }

        for (int i = 0; i < heads.Length; i++)
        {
            HeldTokens tokens = heads[i].Tokens!;
            int stay = kept[i], rows = policy.EvictsEveryStep ? budgets[i] : stay + newTokens;
            if (drops || rows > heads[i].Rows || heads[i].Rows - rows >= ElasticRule.BlockSize)
                heads[i].Keep(ranked[i].Best(stay), rows);
            tokens.Settle();
        }
    }

    private static RowRanking Rank(HeadCache head, EvictionPolicy policy, int rows, int firstRecent) =>
        head.Tokens!.Rank(policy.SinkTokens(rows), firstRecent, policy.Scorer.Pooling);

    // Where every step evicts, the new token counts among the recent ones.
    private static int FirstRecent(SequenceCache cache, EvictionPolicy policy, int rows) =>
        cache.Length + (policy.EvictsEveryStep ? 1 : 0) - policy.RecentTokens(rows);

    // All heads hold the same tokens in the same rows.
    private static void AddUp(SequenceCache cache, int layer)
    {
        Span<float> sums = cache.Head(layer, 0).Tokens!.Scores;
        for (int head = 1; head < cache.KeyValueHeads; head++)
        {
            Span<float> scores = cache.Head(layer, head).Tokens!.Scores;
            for (int row = 0; row < sums.Length; row++)
                sums[row] += scores[row];
        }

        for (int head = 1; head < cache.KeyValueHeads; head++)
            sums.CopyTo(cache.Head(layer, head).Tokens!.Scores);
    }
}
