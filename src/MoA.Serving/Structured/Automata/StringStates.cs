namespace MoA.Serving.Structured.Automata;

/// <summary>
/// The states of a JSON string, over bytes: escapes (halves of characters come in pairs only) and well-formed UTF-8. Counting characters is
/// left to who uses it: one begins wherever <see cref="Content"/> is left but for the closing quote.
/// </summary>
internal static class StringStates
{
    /// <summary>Number of states.</summary>
    public const int Count = 32;

    /// <summary>Before the opening quote.</summary>
    public const int Before = 0;

    /// <summary>Between two characters.</summary>
    public const int Content = 1;

    /// <summary>Behind the closing quote.</summary>
    public const int After = 2;

    private const int Escape = 3;
    private const int Hex1 = 4, Hex2 = 5, Hex3 = 6, Hex4 = 7, Hex2OfD = 8, HighHex3 = 9, HighHex4 = 10;
    private const int LowEscape = 11, LowU = 12, LowHex1 = 13, LowHex2 = 14, LowHex3 = 15, LowHex4 = 16;
    private const int Last1 = 17, Last2 = 18, Last3 = 19, AfterE0 = 20, AfterEd = 21, AfterF0 = 22, AfterF4 = 23;

    private const sbyte Dead = -1;

    private static readonly sbyte[] Every = Build(everyEscape: true);
    private static readonly sbyte[] Canonical = Build(everyEscape: false);

    /// <summary>For each byte the first that no state tells from it.</summary>
    public static IReadOnlyList<byte> Classes { get; } = [.. Enumerable.Range(0, 256).Select(value => (byte)Enumerable.Range(0, value + 1)
        .First(same => Enumerable.Range(0, Count).All(state => Every[(state * 256) + value] == Every[(state * 256) + same])))];

    /// <summary>The state after a byte, or <see cref="Terminal.Dead"/>.</summary>
    public static int Next(int state, byte value) => Every[(state * 256) + value];

    /// <summary>The same for texts that are written in one way only: nothing is escaped that needs not be.</summary>
    public static int NextCanonical(int state, byte value) => Canonical[(state * 256) + value];

    /// <summary>States of UTF-8 text without escapes and quotes.</summary>
    public static int NextOfText(int state, byte value) =>
        state == Content && value < 0x80 ? Content : Next(state, value);

    private static sbyte[] Build(bool everyEscape)
    {
        sbyte[] next = new sbyte[Count * 256];
        Array.Fill(next, Dead);
        Set(Before, '"', '"', Content);
        Set(Content, ' ', 0x7F, Content);
        Set(Content, '"', '"', After);
        Set(Content, '\\', '\\', Escape);
        Set(Content, 0xC2, 0xDF, Last1);
        Set(Content, 0xE0, 0xE0, AfterE0);
        Set(Content, 0xE1, 0xEF, Last2);
        Set(Content, 0xED, 0xED, AfterEd);
        Set(Content, 0xF0, 0xF0, AfterF0);
        Set(Content, 0xF1, 0xF3, Last3);
        Set(Content, 0xF4, 0xF4, AfterF4);
        Set(AfterE0, 0xA0, 0xBF, Last1);
        Set(AfterEd, 0x80, 0x9F, Last1);
        Set(AfterF0, 0x90, 0xBF, Last2);
        Set(AfterF4, 0x80, 0x8F, Last2);
        Set(Last3, 0x80, 0xBF, Last2);
        Set(Last2, 0x80, 0xBF, Last1);
        Set(Last1, 0x80, 0xBF, Content);
        foreach (char c in everyEscape ? "\"\\/bfnrt" : "\"\\bfnrt")
            Set(Escape, c, c, Content);
        if (everyEscape)
            BuildUnicode();
        return next;

        void BuildUnicode()
        {
            Set(Escape, 'u', 'u', Hex1);
            SetHex(Hex1, Hex2);
            SetHex(Hex2, Hex3);
            SetHex(Hex3, Hex4);
            SetHex(Hex4, Content);
            foreach (char d in "dD")
                Set(Hex1, d, d, Hex2OfD);
            Set(Hex2OfD, '0', '7', Hex3);
            foreach (char high in "89abAB")
                Set(Hex2OfD, high, high, HighHex3);
            SetHex(HighHex3, HighHex4);
            SetHex(HighHex4, LowEscape);
            Set(LowEscape, '\\', '\\', LowU);
            Set(LowU, 'u', 'u', LowHex1);
            foreach (char d in "dD")
                Set(LowHex1, d, d, LowHex2);
            foreach (char low in "cdefCDEF")
                Set(LowHex2, low, low, LowHex3);
            SetHex(LowHex3, LowHex4);
            SetHex(LowHex4, Content);
        }

        void SetHex(int from, int to)
        {
            Set(from, '0', '9', to);
            Set(from, 'a', 'f', to);
            Set(from, 'A', 'F', to);
        }

        void Set(int from, int first, int last, int to) => next.AsSpan((from * 256) + first, last - first + 1).Fill((sbyte)to);
    }
}
