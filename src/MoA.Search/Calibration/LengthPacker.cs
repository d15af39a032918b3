using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// Deals the items of a data file to target lengths, each item once: those that fit a length as they are, nearest the
/// target first, then shorter conversations of one data set as turns of one conversation, near the target and never above
/// it. As in profiling, an item's length is one less than its tokens: the last is only predicted.
/// </summary>
internal sealed class LengthPacker
{
    private readonly List<(CalibrationItem Item, int Tokens)> _left;

    public LengthPacker(IEnumerable<CalibrationItem> items, Func<CalibrationItem, int> countTokens) =>
        _left = [.. items.Select(item => (item, countTokens(item)))];

    /// <summary>Up to <paramref name="count"/> items of a length above N/2 and up to N.</summary>
    public IReadOnlyList<CalibrationItem> Take(int length, int count)
    {
        int[] fitting = [.. Enumerable.Range(0, _left.Count)
            .Where(i => CalibrationSummary.IsUsedAt(_left[i].Tokens - 1, length))
            .OrderByDescending(i => _left[i].Tokens)
            .Take(count)];
        List<CalibrationItem> taken = [.. fitting.Select(i => _left[i].Item)];
        Remove(fitting);
        while (taken.Count < count && Pack(length) is { } packed)
            taken.Add(packed);
        return taken;
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
        List<int> chosen = [];
        int tokens = 0;
        for (int i = 0; i < _left.Count; i++)
        {
            if (!IsPart(_left[i].Item) || _left[i].Item.Dataset != dataset || tokens + _left[i].Tokens - 1 > length)
                continue;
            tokens += _left[i].Tokens;
            chosen.Add(i);
        }

        if (!CalibrationSummary.IsUsedAt(tokens - 1, length))
            return null;
        MessagesItem[] parts = [.. chosen.Select(i => (MessagesItem)_left[i].Item)];
        Remove(chosen);
        return parts[0] with
        {
            Messages = [.. parts.SelectMany(part => part.Messages)],
            Source = string.Join(", ", parts.Select(part => part.Source ?? part.Origin).Distinct()),
        };
    }

    // A system prompt can only stand in front.
    private static bool IsPart(CalibrationItem item) => item is MessagesItem { Messages: [{ Role: "user" }, ..] };

    private void Remove(IEnumerable<int> entries)
    {
        foreach (int i in entries.OrderDescending())
            _left.RemoveAt(i);
    }
}
