namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Slices of texts and sequences, as Python takes them.</summary>
internal static class JinjaSlice
{
    public static TracedText Of(TracedText text, long? start, long? stop, long? step, int line, JinjaBudget budget)
    {
        budget.Work(line, text.Length);
        (int from, _, int count, long by) = Places(text.CodePoints, start, stop, step, line);
        if (by == 1)
            return Like(text, text.Slice(text.PositionOf(from), text.PositionOf(from + count)));
        int[] offsets = text.Offsets();
        var taken = new TracedTextBuilder();
        for (int i = 0; i < count; i++)
        {
            long at = from + i * by;
            taken.Append(text, offsets[at], offsets[at + 1]);
        }

        return Like(text, taken.ToText());
    }

    public static JinjaList Of(JinjaList list, long? start, long? stop, long? step, int line, JinjaBudget budget)
    {
        (int from, int to, int count, long by) = Places(list.Count, start, stop, step, line);
        budget.Steps(line, count);
        var taken = new List<object?>(count);
        for (int i = 0; i < count; i++)
            taken.Add(list.Items[(int)(from + i * by)]);
        (long first, _, long distance) = list.Range;
        return new JinjaList(list.IsTuple ? JinjaListKind.Tuple : list.Kind, taken, (first + from * distance, first + to * distance, distance * by));
    }

    /// <summary>The place of an index that may count from the end; null where there is none.</summary>
    public static int? Place(long index, int count)
    {
        long place = index < 0 ? index + count : index;
        return place >= 0 && place < count ? (int)place : null;
    }

    /// <summary>A text marked safe where another is.</summary>
    public static TracedText Like(TracedText model, TracedText text) => model is JinjaMarkup ? new JinjaMarkup(text) : text;

    private static (int From, int To, int Count, long Step) Places(int length, long? start, long? stop, long? step, int line)
    {
        long by = Math.Clamp(step ?? 1, -int.MaxValue, int.MaxValue);
        if (by == 0)
            throw JinjaError.At(line, "a slice with step 0");
        (long low, long high) = by > 0 ? (0L, length) : (-1L, length - 1L);
        long from = Clamp(start) ?? (by > 0 ? low : high);
        long to = Clamp(stop) ?? (by > 0 ? high : low);
        long count = by > 0 ? (to - from + by - 1) / by : (from - to - by - 1) / -by;
        return ((int)from, (int)to, (int)Math.Max(0, count), by);

        long? Clamp(long? bound) => bound is null ? null : Math.Clamp(bound < 0 ? bound.Value + length : bound.Value, low, high);
    }
}
