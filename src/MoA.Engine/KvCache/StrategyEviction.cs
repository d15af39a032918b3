using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;

namespace MoA.Engine.KvCache;

/// <summary>What <see cref="FastGenPolicy"/> does to the rows of a head: behind a prompt, and before each generated token adds its own.</summary>
internal static class StrategyEviction
{
    // By so many rows memory grows where punctuation exceeds it.
    private const int Growth = 64;

    /// <summary>Tokens that the strategy with a window counts as recent to a query.</summary>
    /// <param name="scorer">The shares.</param>
    /// <param name="length">Tokens of the text.</param>
    public static int RecentTokens(RecoveryScorer scorer, int length) => Math.Max(1, (int)(scorer.RecentShare * length));

    /// <summary>Gives a head the least strategy that leaves it enough of its attention, and keeps that one's rows.</summary>
    /// <param name="sequence">The caches, behind a prompt.</param>
    /// <param name="layer">Layer.</param>
    /// <param name="keyValueHead">KV head.</param>
    /// <param name="scorer">How much is enough.</param>
    /// <param name="received">The attention that each row got from all of the prompt's queries, of the group's heads together.</param>
    /// <param name="near">What of that came from queries to which the row's token was recent.</param>
    /// <param name="queries">Queries of each head.</param>
    public static void Choose(
        SequenceCache sequence, int layer, int keyValueHead, RecoveryScorer scorer, ReadOnlySpan<float> received, ReadOnlySpan<float> near, int queries)
    {
        HeadCache cache = sequence.Head(layer, keyValueHead);
        HeldTokens tokens = cache.Tokens!;
        int length = sequence.Length, capacity = sequence.Capacity;
        double total = 0;
        for (int row = 0; row < received.Length; row++)
        {
            total += received[row];
            // The mean of the queries that saw it.
            tokens.Scores[row] = received[row] / Math.Max(1, Math.Min(queries, length - tokens.Positions[row]));
        }

        // Rows that no prompt has brought all stay.
        HeadStrategy strategy = queries == 0 ? HeadStrategy.Full : HeadStrategy.Special;
        while (strategy < HeadStrategy.Full && Recovered(sequence.Kinds, tokens, strategy, scorer, length, received, near) < scorer.Recovery * total)
            strategy++;
        ChosenStrategy chosen = sequence.StrategyOf(layer, keyValueHead);
        chosen.Strategy = strategy;
        chosen.PromptEnd = length;
        chosen.IsPassing = false;
        chosen.Window = strategy == HeadStrategy.Recent ? (int)Math.Round(scorer.RecentShare * capacity) : 0;
        chosen.Budget = RecoveryScorer.Sink + sequence.Kinds.CountOf(TokenKind.Special) + chosen.Window
            + (strategy >= HeadStrategy.Heavy ? (int)Math.Round(scorer.HeavyShare * capacity) : 0);
        bool[] kept = Kept(sequence.Kinds, tokens, strategy, scorer, length, capacity, alwaysAlone: false);
        int[] rows = [.. Enumerable.Range(0, kept.Length).Where(row => kept[row])];
        int most = rows.Length + capacity - length;
        int needed = strategy == HeadStrategy.Full ? most : Math.Min(most, Math.Max(rows.Length, BudgetOf(chosen, sequence.Kinds)) + 1);
        if (rows.Length < kept.Length || needed > cache.Rows || cache.Rows - needed >= ElasticRule.BlockSize)
            cache.Keep(rows, needed);
        tokens.Settle();
    }

    /// <summary>Makes room for a generated token: the row of least mean attention goes, or the last token's, or none.</summary>
    /// <param name="sequence">The caches; the token's kind is noted.</param>
    /// <param name="layer">Layer.</param>
    /// <param name="keyValueHead">KV head.</param>
    public static void MakeRoom(SequenceCache sequence, int layer, int keyValueHead)
    {
        HeadCache cache = sequence.Head(layer, keyValueHead);
        HeldTokens tokens = cache.Tokens!;
        ChosenStrategy chosen = sequence.StrategyOf(layer, keyValueHead);
        if (chosen.IsPassing)
            cache.Drop(tokens.Count - 1);
        chosen.IsPassing = false;
        bool stays = chosen.Strategy == HeadStrategy.Full
            || (chosen.Strategy >= HeadStrategy.Punctuation && sequence.Kinds.At(sequence.Length) == TokenKind.Punctuation)
            || tokens.Count < BudgetOf(chosen, sequence.Kinds);
        if (!stays && chosen.Strategy < HeadStrategy.Heavy)
            chosen.IsPassing = true;
        else if (!stays && Least(sequence, tokens, chosen) is >= 0 and int least)
            cache.Drop(least);
        if (tokens.Count == cache.Rows)
            cache.MakeRoom(tokens.Count + Math.Min(Growth, sequence.Capacity - sequence.Length));
    }

    private static int BudgetOf(ChosenStrategy chosen, TextKinds kinds) =>
        chosen.Budget + (chosen.Strategy >= HeadStrategy.Punctuation ? kinds.CountOf(TokenKind.Punctuation) : 0);

    // What queries look at that they would still see.
    private static double Recovered(
        TextKinds kinds, HeldTokens tokens, HeadStrategy strategy, RecoveryScorer scorer, int length, ReadOnlySpan<float> received, ReadOnlySpan<float> near)
    {
        bool[] always = Kept(kinds, tokens, strategy, scorer, length, length, alwaysAlone: true);
        double sum = 0;
        for (int row = 0; row < always.Length; row++)
            sum += always[row] ? received[row] : strategy == HeadStrategy.Recent ? near[row] : 0;
        return sum;
    }

    // The rows that the last query sees under a strategy; or those that all do, to which the recent ones do not belong.
    private static bool[] Kept(TextKinds kinds, HeldTokens tokens, HeadStrategy strategy, RecoveryScorer scorer, int length, int total, bool alwaysAlone)
    {
        ReadOnlySpan<int> positions = tokens.Positions;
        bool[] kept = new bool[positions.Length], recent = new bool[positions.Length];
        int firstRecent = strategy == HeadStrategy.Recent ? length - RecentTokens(scorer, total) : length;
        List<int> others = [];
        for (int row = 0; row < kept.Length; row++)
        {
            kept[row] = strategy == HeadStrategy.Full || positions[row] < RecoveryScorer.Sink || kinds.At(positions[row]) switch
            {
                TokenKind.Special => true,
                TokenKind.Punctuation => strategy >= HeadStrategy.Punctuation,
                _ => false,
            };
            recent[row] = positions[row] >= firstRecent;
            if (!kept[row] && !recent[row])
                others.Add(row);
        }

        if (strategy >= HeadStrategy.Heavy)
        {
            int heavy = (int)Math.Ceiling(Math.Min(scorer.HeavyShare * total, others.Count));
            float[] scores = tokens.Scores.ToArray();
            foreach (int row in others.OrderByDescending(row => scores[row]).Take(heavy))
                kept[row] = true;
        }

        for (int row = 0; row < kept.Length && !alwaysAlone; row++)
            kept[row] |= recent[row];
        return kept;
    }

    // The row of least mean attention among those that may go, the earlier token's of equal ones; -1 if none may.
    private static int Least(SequenceCache sequence, HeldTokens tokens, ChosenStrategy chosen)
    {
        int least = -1;
        float smallest = float.PositiveInfinity;
        for (int row = 0; row < tokens.Count; row++)
        {
            int position = tokens.Positions[row];
            if (position < RecoveryScorer.Sink || position > sequence.Length - chosen.Window || (sequence.Kinds.At(position) != TokenKind.Plain && !IsWritten(position)))
                continue;
            int steps = position < chosen.PromptEnd ? 1 + sequence.Length - chosen.PromptEnd : sequence.Length - position;
            float mean = tokens.Scores[row] / steps;
            if (mean < smallest || (mean == smallest && position < tokens.Positions[least]))
                (least, smallest) = (row, mean);
        }

        return least;

        // Special tokens are protected where the prompt has them, punctuation everywhere.
        bool IsWritten(int position) => position >= chosen.PromptEnd && sequence.Kinds.At(position) == TokenKind.Special;
    }
}
