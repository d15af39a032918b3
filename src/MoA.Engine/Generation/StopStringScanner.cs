using System.Text;

namespace MoA.Engine.Generation;

/// <summary>
/// Passes streamed text on, but holds back what may be the beginning of a stop string until that is decided; ends at the
/// stop string that is complete first, which is not passed on. How the text is cut into pieces makes no difference.
/// </summary>
internal sealed class StopStringScanner
{
    private readonly IReadOnlyList<string> _stops;
    private readonly StringBuilder _held = new();

    /// <summary>Looks for any of the strings; empty ones are ignored.</summary>
    public StopStringScanner(IEnumerable<string> stops) => _stops = [.. stops.Where(stop => stop.Length > 0)];

    /// <summary>Whether a stop string came.</summary>
    public bool Stopped => StoppedBy is not null;

    /// <summary>The stop string that came, or null.</summary>
    public string? StoppedBy { get; private set; }

    /// <summary>Takes the next piece and returns the text that is safe to show.</summary>
    public string Push(string piece)
    {
        if (Stopped)
            return "";
        if (_stops.Count == 0)
            return piece;
        _ = _held.Append(piece);
        string text = _held.ToString();
        (int Complete, int Start) first = (int.MaxValue, 0);
        foreach (string stop in _stops)
        {
            int at = text.IndexOf(stop, StringComparison.Ordinal);
            if (at >= 0 && (at + stop.Length, at).CompareTo(first) < 0)
                (first, StoppedBy) = ((at + stop.Length, at), stop);
        }

        int end = Stopped ? first.Start : text.Length - _stops.Max(stop => OpenEnd(text, stop));
        _ = _held.Clear().Append(Stopped ? "" : text[end..]);
        return text[..end];
    }

    /// <summary>What is still held back when the text has ended.</summary>
    public string Flush()
    {
        string rest = _held.ToString();
        _ = _held.Clear();
        return rest;
    }

    // The longest end of the text that is a beginning of the stop string.
    private static int OpenEnd(string text, string stop)
    {
        for (int length = Math.Min(stop.Length - 1, text.Length); length > 0; length--)
        {
            if (text.AsSpan(text.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                return length;
        }

        return 0;
    }
}
