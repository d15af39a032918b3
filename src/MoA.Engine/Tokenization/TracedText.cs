namespace MoA.Engine.Tokenization;

/// <summary>
/// A text that knows of each character who wrote it, through every operation on it: the template (origin 0) or a message (any
/// other number). Equality and the rest see the text alone. Positions are in UTF-16 unless said.
/// </summary>
internal class TracedText
{
    public const int Template = 0;

    // Where stretches of one origin begin, ascending, the first at 0.
    private readonly int[] _starts;
    private readonly int[] _origins;

    /// <param name="text">The text.</param>
    /// <param name="origin">Who wrote it.</param>
    public TracedText(string text, int origin = Template)
        : this(text, [0], [origin])
    {
    }

    public TracedText(string text, int[] starts, int[] origins)
    {
        Text = text;
        _starts = starts;
        _origins = origins;
        HasPairs = text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF');
    }

    protected TracedText(TracedText text)
    {
        (Text, _starts, _origins, HasPairs) = (text.Text, text._starts, text._origins, text.HasPairs);
    }

    public static TracedText Empty { get; } = new("");

    public string Text { get; }

    public int Length => Text.Length;

    /// <summary>Whether some characters take two places, so that positions are not those of Python.</summary>
    public bool HasPairs { get; }

    /// <summary>The length in code points, as Python counts.</summary>
    public int CodePoints => HasPairs ? CodePointsBefore(Length) : Length;

    public static TracedText operator +(TracedText left, TracedText right)
    {
        var both = new TracedTextBuilder();
        both.Append(left);
        both.Append(right);
        return both.ToText();
    }

    /// <summary>Who wrote the character at a position.</summary>
    public int OriginAt(int position) => _origins[RunAt(position)];

    public TracedText Slice(int start, int end)
    {
        if (start == 0 && end == Length)
            return this;
        var part = new TracedTextBuilder();
        part.Append(this, start, end);
        return part.ToText();
    }

    public TracedText Slice(int start) => Slice(start, Length);

    /// <summary>The stretches of one origin between two positions, in order.</summary>
    public IEnumerable<(int Start, int End, int Origin)> Runs(int start, int end)
    {
        for (int run = RunAt(start); start < end; run++)
        {
            int stop = run + 1 < _starts.Length ? Math.Min(end, _starts[run + 1]) : end;
            yield return (start, stop, _origins[run]);
            start = stop;
        }
    }

    /// <summary>The positions of the code points, and the end.</summary>
    public int[] Offsets()
    {
        var offsets = new List<int>(Length + 1);
        for (int at = 0; at < Length; at += WidthAt(at))
            offsets.Add(at);
        offsets.Add(Length);
        return [.. offsets];
    }

    /// <summary>The code points, each as a text.</summary>
    public IEnumerable<TracedText> Characters()
    {
        for (int at = 0, width; at < Length; at += width)
        {
            width = WidthAt(at);
            yield return new TracedText(Text.Substring(at, width), OriginAt(at));
        }
    }

    /// <summary>The position of a code point by its index, from 0 to the number of them.</summary>
    public int PositionOf(int codePoint)
    {
        if (!HasPairs)
            return codePoint;
        int at = 0;
        for (; codePoint > 0; codePoint--)
            at += WidthAt(at);
        return at;
    }

    /// <summary>How many code points stand before a position.</summary>
    public int CodePointsBefore(int position)
    {
        if (!HasPairs)
            return position;
        int count = 0;
        for (int at = 0; at < position; at += WidthAt(at))
            count++;
        return count;
    }

    /// <summary>How many places the code point at a position takes.</summary>
    public int WidthAt(int position) =>
        position + 1 < Length && char.IsSurrogatePair(Text[position], Text[position + 1]) ? 2 : 1;

    public override bool Equals(object? obj) => obj is TracedText other && other.Text == Text;

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Text;

    private int RunAt(int position)
    {
        int run = Array.BinarySearch(_starts, position);
        return run >= 0 ? run : ~run - 1;
    }
}
