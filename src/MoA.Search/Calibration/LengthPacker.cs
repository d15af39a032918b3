using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// Deals the items of a data file to target lengths, each item once: those that fit a length as they are, then shorter
/// conversations one after the other as turns of one conversation, near the target and never above it. As in profiling, an
/// item's length is one less than its tokens: the last is only predicted.
/// </summary>
internal sealed class LengthPacker
{
    private readonly List<(CalibrationItem Item, int Tokens)> _left;

    public LengthPacker(IEnumerable<CalibrationItem> items, Func<CalibrationItem, int> countTokens) =>
        _left = [.. items.Select(item => (item, countTokens(item)))];

    /// <summary>Up to <paramref name="count"/> items of a length above N/2 and up to N.</summary>
    public IReadOnlyList<CalibrationItem> Take(int length, int count)
    {
        List<CalibrationItem> taken = [];
        for (int i = 0; i < _left.Count && taken.Count < count;)
        {
            if (!CalibrationSummary.IsUsedAt(_left[i].Tokens - 1, length))
            {
                i++;
                continue;
            }

            taken.Add(_left[i].Item);
            _left.RemoveAt(i);
        }

        while (taken.Count < count && Pack(length) is { } packed)
            taken.Add(packed);
        return taken;
    }

    private MessagesItem? Pack(int length)
    {
        List<int> chosen = [];
        int tokens = 0;
        for (int i = 0; i < _left.Count; i++)
        {
            if (_left[i].Item is not MessagesItem { Messages: [{ Role: "user" }, ..] } || tokens + _left[i].Tokens - 1 > length)
                continue;
            tokens += _left[i].Tokens;
            chosen.Add(i);
        }

        if (!CalibrationSummary.IsUsedAt(tokens - 1, length))
            return null;
        MessagesItem[] parts = [.. chosen.Select(i => (MessagesItem)_left[i].Item)];
        foreach (int i in chosen.AsEnumerable().Reverse())
            _left.RemoveAt(i);
        ChatMessage[] messages = [.. parts.SelectMany(part => part.Messages)];
        return parts[0] with { Messages = messages };
    }
}
