namespace MoA.Search.Calibration;

/// <summary>Which items of a set serve which lengths: an item of n tokens is used at length N if N/2 &lt; n ≤ N.</summary>
internal sealed class CalibrationSummary
{
    private CalibrationSummary(IReadOnlyList<CalibrationSummaryRow> rows, int items, int unusedItems)
    {
        Rows = rows;
        Items = items;
        UnusedItems = unusedItems;
    }

    /// <summary>One row for each length and kind with items, by length, then kind.</summary>
    public IReadOnlyList<CalibrationSummaryRow> Rows { get; }

    /// <summary>Number of items in the set.</summary>
    public int Items { get; }

    /// <summary>Items that fit none of the lengths; they are skipped.</summary>
    public int UnusedItems { get; }

    /// <summary>Whether an item of <paramref name="tokens"/> tokens is used at length <paramref name="length"/>.</summary>
    public static bool IsUsedAt(int tokens, int length) => tokens <= length && tokens > length / 2.0;

    /// <summary>Counts a set whose items' tokens are known.</summary>
    public static CalibrationSummary Of(IEnumerable<(CalibrationItem Item, int Tokens)> items, IReadOnlyCollection<int> lengths)
    {
        (CalibrationItem Item, int Tokens)[] all = [.. items];
        IEnumerable<CalibrationSummaryRow> rows =
            from length in lengths.Distinct().Order()
            from entry in all
            where IsUsedAt(entry.Tokens, length)
            group entry.Tokens by (length, kind: entry.Item.Kind ?? entry.Item.Dataset ?? "other") into used
            orderby used.Key.length, used.Key.kind
            select new CalibrationSummaryRow(
                used.Key.kind, used.Key.length, used.Count(), used.Min(), used.Max(), used.Average());
        return new CalibrationSummary(
            [.. rows], all.Length, all.Count(entry => !lengths.Any(length => IsUsedAt(entry.Tokens, length))));
    }

    /// <summary>Counts a set of generated documents.</summary>
    public static CalibrationSummary Of(IEnumerable<GeneratedItem> items, IReadOnlyCollection<int> lengths) =>
        Of(items.Select(item => ((CalibrationItem)item.Conversation, item.Tokens)), lengths);
}
