using System.Globalization;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Ruler;

/// <summary>Keys, values and words of the tasks.</summary>
internal static class RulerWords
{
    private static readonly string[] Adjectives = RulerData.Shared.Adjectives.Split(' '), Nouns = RulerData.Shared.Nouns.Split(' ');

    private static readonly string[] Single = [.. Adjectives.Concat(Nouns).Distinct()];

    /// <summary>A key or value: a number of seven digits, an adjective and a noun, or a random UUID.</summary>
    /// <param name="type">numbers, words or uuids.</param>
    /// <param name="random">Where it is drawn from.</param>
    public static string Draw(string type, SeededRandom random) => type switch
    {
        "numbers" => (1_000_000 + random.Next(9_000_000)).ToString(CultureInfo.InvariantCulture),
        "words" => $"{random.Pick(Adjectives)}-{random.Pick(Nouns)}",
        "uuids" => Uuid(random),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Keys and values are numbers, words or uuids."),
    };

    /// <summary>Different words in random order: single ones as long as there are any, then pairs.</summary>
    public static List<string> Distinct(int count, SeededRandom random)
    {
        string[] words = [.. Single];
        random.Shuffle<string>(words);
        List<string> drawn = [.. words.Take(count)];
        HashSet<string> pairs = [];
        while (drawn.Count < count)
        {
            string pair = Draw("words", random);
            if (pairs.Add(pair))
                drawn.Add(pair);
        }

        return drawn;
    }

    /// <summary>Different words of random letters.</summary>
    /// <param name="count">How many.</param>
    /// <param name="letters">Letters of each.</param>
    /// <param name="first">The first of the alphabet: <c>a</c> or <c>A</c>.</param>
    /// <param name="random">Where they are drawn from.</param>
    public static List<string> Letters(int count, int letters, char first, SeededRandom random)
    {
        List<string> words = [];
        HashSet<string> drawn = [];
        while (words.Count < count)
        {
            string word = string.Create(letters, (first, random), static (span, state) =>
            {
                foreach (ref char letter in span)
                    letter = (char)(state.first + state.random.Next(26));
            });
            if (drawn.Add(word))
                words.Add(word);
        }

        return words;
    }

    /// <summary>Different numbers below a bound, ascending; some are the same where there are too few.</summary>
    public static int[] Sample(int bound, int count, SeededRandom random)
    {
        HashSet<int> drawn = [];
        while (drawn.Count < Math.Min(bound, count))
            drawn.Add(random.Next(bound));
        List<int> numbers = [.. drawn];
        while (numbers.Count < count)
            numbers.Add(bound == 0 ? 0 : random.Next(bound));
        numbers.Sort();
        return [.. numbers];
    }

    // Version 4, variant 1 (RFC 4122).
    private static string Uuid(SeededRandom random)
    {
        ulong high = random.NextBits() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000, low = random.NextBits() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000;
        return string.Create(
            CultureInfo.InvariantCulture, $"{high >> 32:x8}-{high >> 16 & 0xFFFF:x4}-{high & 0xFFFF:x4}-{low >> 48:x4}-{low & 0xFFFF_FFFF_FFFF:x12}");
    }
}
