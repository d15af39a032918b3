using MoA.Search.Calibration;

namespace MoA.Evaluation.Ruler;

/// <summary>Made-up words whose counts fall as those of a language do (a zeta distribution of exponent 2); the most frequent is written as dots.</summary>
/// <param name="vocabulary">Different words.</param>
internal sealed class CodedWordsSource(int vocabulary) : RulerSource
{
    private const int Letters = 6, Asked = 3;

    private const double Zeta = Math.PI * Math.PI / 6;

    /// <summary>Tokens of the text for each word of its vocabulary.</summary>
    public const int TokensPerWord = 50;

    /// <summary>Fewest words of a vocabulary: the dots, those that are asked for, and one more.</summary>
    public const int LeastVocabulary = Asked + 2;

    /// <summary>The last of the words that are asked for is there, and more often than the next.</summary>
    public override int LeastUnits(int index) => (int)Math.Ceiling((Asked + 1) * (Asked + 1) * Zeta);

    /// <inheritdoc/>
    public override RulerText Text(ulong seed, int index, int units)
    {
        List<string> words = RulerWords.Letters(vocabulary, Letters, 'a', new SeededRandom(seed));
        words[0] = "...";
        string[] all = [.. words.SelectMany((word, i) => Enumerable.Repeat(word, (int)(units / ((i + 1.0) * (i + 1) * Zeta))))];
        new SeededRandom(SeededRandom.Derive(seed, (ulong)units)).Shuffle<string>(all);
        return new RulerText(RulerData.Shared.Prompts["coded"], string.Join(' ', all), words[1..(Asked + 1)]);
    }
}
