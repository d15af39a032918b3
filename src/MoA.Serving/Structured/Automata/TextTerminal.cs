namespace MoA.Serving.Structured.Automata;

/// <summary>Any text in UTF-8, up to and with a marker where there is one.</summary>
internal sealed class TextTerminal : Terminal
{
    private readonly byte[] _marker;
    private readonly int[] _borders;

    /// <summary>Text up to the first marker; an empty one lets the text end anywhere.</summary>
    public TextTerminal(ReadOnlySpan<byte> marker)
    {
        _marker = marker.ToArray();
        _borders = new int[marker.Length];
        for (int i = 1; i < marker.Length; i++)
            _borders[i] = Matched(_borders[i - 1], marker[i]);
    }

    public override int Start => StringStates.Content;

    public override int Next(int state, byte value)
    {
        (int matched, int inside) = Math.DivRem(state, StringStates.Count);
        int next = StringStates.NextOfText(inside, value);
        return next == Dead || IsEnd(matched) ? Dead : (Matched(matched, value) * StringStates.Count) + next;
    }

    public override bool IsFinal(int state)
    {
        (int matched, int inside) = Math.DivRem(state, StringStates.Count);
        return inside == StringStates.Content && (_marker.Length == 0 || IsEnd(matched));
    }

    public override bool GoesOn(int state) => !IsEnd(state / StringStates.Count);

    private bool IsEnd(int matched) => _marker.Length > 0 && matched == _marker.Length;

    // How much of the marker the text ends with (Knuth, Morris and Pratt).
    private int Matched(int matched, byte value)
    {
        if (_marker.Length == 0)
            return 0;
        while (matched > 0 && (matched == _marker.Length || _marker[matched] != value))
            matched = _borders[matched - 1];
        return _marker[matched] == value ? matched + 1 : 0;
    }
}
