namespace MoA.Engine.Generation;

/// <summary>Cuts a list of sequences into groups that run together, so that their caches fit a budget.</summary>
internal static class SequenceGroups
{
    /// <summary>Bytes of KV caches that one group may take; a single larger sequence is a group of its own.</summary>
    public const long BudgetBytes = 2L << 30;

    /// <summary>
    /// Groups in the order of the items. What is in a group depends on the items alone, not on the machine: a group's
    /// arithmetic, to the last bit, depends on who is in it.
    /// </summary>
    /// <param name="items">The sequences.</param>
    /// <param name="bytes">Bytes of a sequence's caches.</param>
    /// <param name="most">Most sequences in a group.</param>
    public static IEnumerable<T[]> Of<T>(IEnumerable<T> items, Func<T, long> bytes, int most)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentNullException.ThrowIfNull(bytes);
        List<T> group = [];
        long sum = 0;
        foreach (T item in items)
        {
            long size = bytes(item);
            if (group.Count == most || (group.Count > 0 && sum + size > BudgetBytes))
            {
                yield return [.. group];
                group.Clear();
                sum = 0;
            }

            group.Add(item);
            sum += size;
        }

        if (group.Count > 0)
            yield return [.. group];
    }
}
