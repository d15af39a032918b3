namespace MoA.Search.Calibration;

/// <summary>
/// Deals the items of a data file to target lengths, each item once: those that fit a length as they are, nearest the
/// target first, then pieces of longer texts, then shorter conversations of one data set as turns of one conversation, near
/// the target and never above it. As in profiling, an item's length is one less than its tokens: the last is only predicted.
/// </summary>
internal sealed class LengthPacker
{
    private readonly List<Entry> _left;
    private readonly TextCutter? _cutter;

    /// <summary>Counts all items.</summary>
    /// <param name="items">The items in their order.</param>
    /// <param name="countTokens">The tokens of an item.</param>
    /// <param name="cutter">Cuts texts; null leaves long ones out.</param>
    public LengthPacker(IEnumerable<CalibrationItem> items, Func<CalibrationItem, int> countTokens, TextCutter? cutter = null)
    {
        _left = [.. items.Select(item => new Entry(item, countTokens(item), false))];
        _cutter = cutter;
        Items = _left.Count;
    }

    /// <summary>Items that there were.</summary>
    public int Items { get; }

    /// <summary>The items of which nothing was dealt, with their tokens.</summary>
    public IEnumerable<(CalibrationItem Item, int Tokens)> Left => _left.Where(entry => !entry.IsRest).Select(entry => (entry.Item, entry.Tokens));

    /// <summary>Up to <paramref name="count"/> items of a length above N/2 and up to N.</summary>
    public IReadOnlyList<CalibrationItem> Take(int length, int count)
    {
        List<CalibrationItem> taken = [];
        while (taken.Count < count && Take(length) is { } item)
            taken.Add(item);
        return taken;
    }

    /// <summary>One item of a length above N/2 and up to N, or null if there is none left.</summary>
    public CalibrationItem? Take(int length) => TakeWhole(length) ?? TakePiece(length) ?? (CalibrationItem?)Pack(length);

    /// <summary>Whether an item of some tokens could be taken alone at a length: as it is, or cut.</summary>
    public bool Suits(CalibrationItem item, int tokens, int length) =>
        CalibrationSummary.IsUsedAt(tokens - 1, length) || (tokens - 1 > length && _cutter is not null && TextCutter.IsText(item));

    /// <summary>Whether an item may become part of a longer one; a system prompt can only stand in front.</summary>
    public static bool IsPart(CalibrationItem item) => item is MessagesItem { Messages: [{ Role.Name: "user" }, ..] };

    private CalibrationItem? TakeWhole(int length)
    {
        int best = -1;
        for (int i = 0; i < _left.Count; i++)
        {
            if (CalibrationSummary.IsUsedAt(_left[i].Tokens - 1, length) && (best < 0 || _left[i].Tokens > _left[best].Tokens))
                best = i;
        }

        if (best < 0)
            return null;
        CalibrationItem item = _left[best].Item;
        _left.RemoveAt(best);
        return item;
    }

    private TokensItem? TakePiece(int length)
    {
        int longer = _cutter is null ? -1 : _left.FindIndex(entry => entry.Tokens - 1 > length && TextCutter.IsText(entry.Item));
        if (longer < 0)
            return null;
        (TokensItem piece, TokensItem rest) = _cutter!.Cut(_left[longer].Item, length + 1);
        _left[longer] = new Entry(rest, rest.Tokens.Count, true);
        return piece;
    }

    private MessagesItem? Pack(int length)
    {
        foreach (string? dataset in _left.Where(entry => IsPart(entry.Item)).Select(entry => entry.Item.Dataset).Distinct())
        {
            if (Pack(length, dataset) is { } packed)
                return packed;
        }

        return null;
    }

    private MessagesItem? Pack(int length, string? dataset)
    {
        int[] candidates = [.. Enumerable.Range(0, _left.Count).Where(i => IsPart(_left[i].Item) && _left[i].Item.Dataset == dataset)];
        // In their order if that gives enough. Parts of exactly half a length may keep one another out; the longest first do not.
        List<int>? chosen = Fill(length, candidates) ?? Fill(length, candidates.OrderByDescending(i => _left[i].Tokens));
        if (chosen is null)
            return null;
        chosen.Sort();
        MessagesItem[] parts = [.. chosen.Select(i => (MessagesItem)_left[i].Item)];
        foreach (int i in chosen.OrderDescending())
            _left.RemoveAt(i);
        return parts[0] with
        {
            Messages = [.. parts.SelectMany(part => part.Messages)],
            Source = string.Join(", ", parts.Select(part => part.Source ?? part.Origin).Distinct()),
        };
    }

    private List<int>? Fill(int length, IEnumerable<int> candidates)
    {
        List<int> chosen = [];
        int tokens = 0;
        foreach (int i in candidates)
        {
            if (tokens + _left[i].Tokens - 1 > length)
                continue;
            tokens += _left[i].Tokens;
            chosen.Add(i);
        }

        return CalibrationSummary.IsUsedAt(tokens - 1, length) ? chosen : null;
    }

    /// <summary>What is left: an item, or what remained of a text that was cut.</summary>
    private readonly record struct Entry(CalibrationItem Item, int Tokens, bool IsRest);
}
