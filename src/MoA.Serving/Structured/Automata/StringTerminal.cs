namespace MoA.Serving.Structured.Automata;

/// <summary>A JSON string of a number of characters (code points), quotes included.</summary>
internal sealed class StringTerminal : Terminal
{
    /// <summary>Most characters that are counted.</summary>
    public const int MostCharacters = 1 << 24;

    private static readonly object Language = new();

    private readonly int _least;
    private readonly int? _most;

    /// <summary>Strings of some lengths, up to <see cref="MostCharacters"/>; no bound for null.</summary>
    public StringTerminal(int least = 0, int? most = null) => (_least, _most) = (least, most);

    public override IReadOnlyList<byte> Classes => StringStates.Classes;

    public override int Next(int state, byte value)
    {
        (int count, int inside) = Math.DivRem(state, StringStates.Count);
        int next = StringStates.Next(inside, value);
        if (inside != StringStates.Content || next == Dead)
            return next == Dead ? Dead : (count * StringStates.Count) + next;
        if (next == StringStates.After)
            return count >= _least ? next : Dead;
        if (count == _most)
            return Dead;
        count = _most is null ? Math.Min(count + 1, _least) : count + 1;
        return (count * StringStates.Count) + next;
    }

    public override bool IsFinal(int state) => state == StringStates.After;

    public override bool GoesOn(int state) => state != StringStates.After;

    // No token has more characters than bytes: bounds further away are all alike, in every string of every schema.
    public override (object Language, long State) KeyOf(int state, int longestToken)
    {
        (int count, int inside) = Math.DivRem(state, StringStates.Count);
        long missing = Math.Clamp(_least - count, 0, longestToken + 1);
        long left = _most is int most ? Math.Min(most - count, longestToken + 1) : longestToken + 1;
        return (Language, (((missing << 24) + left) * StringStates.Count) + inside);
    }
}
