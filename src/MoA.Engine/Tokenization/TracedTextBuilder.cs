using System.Text;

namespace MoA.Engine.Tokenization;

/// <summary>Puts a <see cref="TracedText"/> together.</summary>
internal sealed class TracedTextBuilder
{
    private readonly StringBuilder _text = new();
    private readonly List<int> _starts = [0];
    private readonly List<int> _origins = [TracedText.Template];

    public int Length => _text.Length;

    /// <summary>Appends characters of one origin.</summary>
    public TracedTextBuilder Append(ReadOnlySpan<char> text, int origin = TracedText.Template)
    {
        if (text.Length > 0 && origin != _origins[^1])
            Begin(origin);
        _text.Append(text);
        return this;
    }

    public TracedTextBuilder Append(char c, int origin = TracedText.Template) => Append([c], origin);

    public TracedTextBuilder Append(TracedText text) => Append(text, 0, text.Length);

    /// <summary>Appends the part [start, end) of a text.</summary>
    public TracedTextBuilder Append(TracedText text, int start, int end)
    {
        foreach ((int from, int to, int origin) in text.Runs(start, end))
            Append(text.Text.AsSpan(from, to - from), origin);
        return this;
    }

    public TracedText ToText() => new(_text.ToString(), [.. _starts], [.. _origins]);

    private void Begin(int origin)
    {
        if (_text.Length == 0)
        {
            _origins[0] = origin;
            return;
        }

        _starts.Add(_text.Length);
        _origins.Add(origin);
    }
}
