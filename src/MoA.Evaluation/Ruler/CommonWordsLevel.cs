namespace MoA.Evaluation.Ruler;

/// <summary>How often words stand in a list.</summary>
/// <param name="Common">How often each of the ten common ones.</param>
/// <param name="Others">How often each of the others.</param>
/// <param name="ExampleWords">Different words of the worked example; 0 for none.</param>
/// <param name="ExampleCommon">How often each of its common ones.</param>
/// <param name="ExampleOthers">How often each of its others.</param>
internal sealed record CommonWordsLevel(int Common, int Others, int ExampleWords = 0, int ExampleCommon = 0, int ExampleOthers = 0)
{
    /// <summary>
    /// The published levels, for lengths of at least 4096 tokens and for shorter ones, and behind them what fits lengths that these are too long for: no example, then
    /// common words as often as in the short example.
    /// </summary>
    public static IEnumerable<CommonWordsLevel> For(int length)
    {
        CommonWordsLevel[] levels = [new(30, 3, 40, 10, 3), new(6, 1, 20, 3, 1), new(6, 1), new(3, 1)];
        return levels.Skip(length >= 4096 ? 0 : 1);
    }
}
