using System.Globalization;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Ruler;

/// <summary>A list of words, ten of which stand in it more often than the others.</summary>
/// <param name="level">How often.</param>
internal sealed class CommonWordsSource(CommonWordsLevel level) : RulerSource
{
    private const int Common = 10;

    /// <inheritdoc/>
    public override int LeastUnits(int index) => Common + 1;

    /// <inheritdoc/>
    public override RulerText Text(ulong seed, int index, int units)
    {
        RulerText text = List(units, level.Common, level.Others, SeededRandom.Derive(seed, 1));
        if (level.ExampleWords == 0)
            return text;
        RulerText example = List(level.ExampleWords, level.ExampleCommon, level.ExampleOthers, SeededRandom.Derive(seed, 2));
        return text with { Example = example.WithAnswer(Numbered(example.Answers)) };
    }

    private static RulerText List(int words, int common, int others, ulong seed)
    {
        SeededRandom random = new(seed);
        List<string> drawn = RulerWords.Distinct(words, random);
        string[] all = [.. drawn.SelectMany((word, i) => Enumerable.Repeat(word, i < Common ? common : others))];
        new SeededRandom(SeededRandom.Derive(seed, (ulong)words)).Shuffle<string>(all);
        return new RulerText(RulerData.Shared.Prompts["common"], Numbered(all), drawn[..Common]);
    }

    private static string Numbered(IEnumerable<string> words) =>
        string.Join(' ', words.Select((word, i) => string.Create(CultureInfo.InvariantCulture, $"{i + 1}. {word}")));
}
