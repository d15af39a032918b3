using System.Globalization;
using System.Text.RegularExpressions;
using MoA.Engine;
using MoA.Engine.Files;

namespace MoA.Evaluation.Metrics;

/// <summary>
/// Jieba's hidden Markov model of words that are in no dictionary: each character begins a word, stands in its middle, ends
/// it, or is a word alone; the most probable sequence of states cuts the text.
/// </summary>
internal sealed partial class JiebaCharacterModel
{
    /// <summary>The file of the emission probabilities, relative to the package's folder.</summary>
    public const string FileName = "finalseg/prob_emit.py";

    private const double Impossible = -3.14e100;

    private const int Begin = 0, End = 1, Middle = 2, Single = 3, States = 4;

    /// <summary>Natural logarithms of the probability to start in a state, and to go from one to another (jieba 0.42).</summary>
    private static readonly double[] Start = [-0.26268660809250016, Impossible, Impossible, -1.4652633398537678];

    private static readonly double[][] Transition =
    [
        [Impossible, -0.510825623765990, -0.916290731874155, Impossible],
        [-0.5897149736854513, Impossible, Impossible, -0.8085250474669937],
        [Impossible, -0.33344856811948514, -1.2603623820268226, Impossible],
        [-0.7211965654669841, Impossible, Impossible, -0.6658631448798212],
    ];

    /// <summary>States that may come before each, the one that wins ties first.</summary>
    private static readonly int[][] Before = [[Single, End], [Middle, Begin], [Middle, Begin], [Single, End]];

    private readonly Dictionary<char, double>[] _emission = [[], [], [], []];

    private JiebaCharacterModel(string source, string path)
    {
        Dictionary<char, double>? current = null;
        foreach (Match entry in Entries().Matches(source))
        {
            if (entry.Groups["state"].Success)
                current = _emission["BEMS".IndexOf(entry.Groups["state"].Value, StringComparison.Ordinal)];
            else if (current is not null && NumberText.TryDecimal(entry.Groups["value"].Value, out double value))
                current[(char)int.Parse(entry.Groups["code"].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture)] = value;
        }

        if (_emission.Any(state => state.Count == 0))
            throw new InvalidInputException($"{path}: holds no probabilities for one of the states B, E, M, S; take the file from the package jieba");
    }

    public static JiebaCharacterModel Load(string path) =>
        new(InputFile.ReadText(path, "give the folder of the Python package jieba"), path);

    /// <summary>Words of a run of characters; letters and digits stay together.</summary>
    public IEnumerable<string> Cut(string text)
    {
        foreach (string block in Chinese().Split(text))
        {
            if (block.Length > 0 && Chinese().IsMatch(block))
            {
                foreach (string word in CutChinese(block))
                    yield return word;
                continue;
            }

            foreach (string part in Latin().Split(block))
            {
                if (part.Length > 0)
                    yield return part;
            }
        }
    }

    private IEnumerable<string> CutChinese(string text)
    {
        int[] states = MostProbable(text);
        int begin = 0, next = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (states[i] == Begin)
                begin = i;
            if (states[i] is not (End or Single))
                continue;
            yield return text[(states[i] == End ? begin : i)..(i + 1)];
            next = i + 1;
        }

        if (next < text.Length)
            yield return text[next..];
    }

    private int[] MostProbable(string text)
    {
        int[,] from = new int[text.Length, States];
        double[] score = [.. Enumerable.Range(0, States).Select(state => Start[state] + Emission(state, text[0]))];
        for (int i = 1; i < text.Length; i++)
        {
            double[] next = new double[States];
            for (int state = 0; state < States; state++)
            {
                double emission = Emission(state, text[i]);
                int[] before = Before[state];
                double first = score[before[0]] + Transition[before[0]][state] + emission;
                double second = score[before[1]] + Transition[before[1]][state] + emission;
                (next[state], from[i, state]) = first >= second ? (first, before[0]) : (second, before[1]);
            }

            score = next;
        }

        int[] states = new int[text.Length];
        states[^1] = score[Single] >= score[End] ? Single : End;
        for (int i = text.Length - 1; i > 0; i--)
            states[i - 1] = from[i, states[i]];
        return states;
    }

    private double Emission(int state, char c) => _emission[state].GetValueOrDefault(c, Impossible);

    [GeneratedRegex(@"'(?:(?<state>[BEMS])': *\{|\\u(?<code>[0-9a-fA-F]{4})': *(?<value>-?[0-9.eE+\-]+))")]
    private static partial Regex Entries();

    [GeneratedRegex(@"([\u4E00-\u9FD5]+)")]
    private static partial Regex Chinese();

    [GeneratedRegex(@"([a-zA-Z0-9]+(?:\.\d+)?%?)")]
    private static partial Regex Latin();
}
