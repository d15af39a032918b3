using System.Text;
using System.Text.RegularExpressions;
using MoA.Engine;
using MoA.Engine.Files;

namespace MoA.Evaluation.Metrics;

/// <summary>
/// The words of Chinese text as the Python package jieba (0.42, accurate mode) cuts them, since the published scores count
/// jieba's words: the most probable way through the words of its dictionary, and a hidden Markov model for runs of single
/// characters that are no word of it. Its data are read from the package's own folder.
/// </summary>
internal sealed partial class JiebaSegmenter : IWordSegmenter
{
    /// <summary>Files that are needed, relative to the package's folder.</summary>
    public const string DictionaryFile = "dict.txt";

    private readonly Dictionary<string, int> _frequency = [];
    private readonly double _logTotal;
    private readonly JiebaCharacterModel _characters;

    private JiebaSegmenter(string folder)
    {
        string path = Path.Combine(folder, DictionaryFile);
        long total = 0;
        int number = 0;
        foreach (string line in InputFile.ReadLines(path, "give the folder of the Python package jieba"))
        {
            number++;
            string[] fields = line.Trim().Split(' ');
            if (fields.Length < 2 || fields[0].Length == 0 || !NumberText.TryWhole(fields[1], out int count) || count < 0)
                throw new InvalidInputException($"{path}:{number}: expected a word and its frequency, as in jieba's dict.txt; take the file from that package");
            _frequency[fields[0]] = count;
            total += count;
            for (int end = 1; end < fields[0].Length; end++)
                _ = _frequency.TryAdd(fields[0][..end], 0);
        }

        if (total == 0)
            throw new InvalidInputException($"{path}: holds no words; take the file from the package jieba");
        _logTotal = Math.Log(total);
        _characters = JiebaCharacterModel.Load(Path.Combine(folder, JiebaCharacterModel.FileName));
    }

    /// <summary>Reads the dictionary and the character model.</summary>
    /// <param name="folder">The package's folder: <c>dict.txt</c> and <c>finalseg/prob_emit.py</c>.</param>
    /// <exception cref="InvalidInputException">A file is missing or damaged.</exception>
    public static JiebaSegmenter Load(string folder) => new(folder);

    /// <inheritdoc/>
    public IEnumerable<string> Cut(string text)
    {
        foreach (string block in Words().Split(text))
        {
            if (block.Length == 0)
                continue;
            if (Words().IsMatch(block))
            {
                foreach (string word in CutBlock(block))
                    yield return word;
                continue;
            }

            foreach (string part in Spaces().Split(block))
            {
                if (part.Length > 0 && Spaces().IsMatch(part))
                {
                    yield return part;
                    continue;
                }

                foreach (Rune rune in part.EnumerateRunes())
                    yield return rune.ToString();
            }
        }
    }

    private List<string> CutBlock(string block)
    {
        int[] ends = MostProbable(block);
        List<string> words = [];
        int single = 0; // start of the run of single characters before i
        for (int i = 0; i < block.Length; i = ends[i])
        {
            if (ends[i] - i == 1)
                continue;
            AddSingles(block[single..i], words);
            words.Add(block[i..ends[i]]);
            single = ends[i];
        }

        AddSingles(block[single..], words);
        return words;
    }

    /// <summary>For each position where the word that begins there ends, on the most probable way to the end.</summary>
    private int[] MostProbable(string block)
    {
        double[] best = new double[block.Length + 1];
        int[] ends = new int[block.Length];
        var words = _frequency.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int start = block.Length - 1; start >= 0; start--)
        {
            best[start] = double.NegativeInfinity;
            for (int end = start + 1; end <= block.Length; end++)
            {
                bool isPrefix = words.TryGetValue(block.AsSpan(start, end - start), out int count);
                if (count > 0 || end == start + 1)
                    Offer(Math.Log(Math.Max(count, 1)) - _logTotal + best[end], end);
                if (!isPrefix)
                    break;
            }

            void Offer(double score, int end)
            {
                if (score >= best[start])
                    (best[start], ends[start]) = (score, end);
            }
        }

        return ends;
    }

    private void AddSingles(string run, List<string> words)
    {
        if (run.Length == 0)
            return;
        if (run.Length > 1 && _frequency.GetValueOrDefault(run) == 0)
            words.AddRange(_characters.Cut(run));
        else
            words.AddRange(run.Select(c => c.ToString()));
    }

    [GeneratedRegex(@"([\u4E00-\u9FD5a-zA-Z0-9+#&\._%\-]+)")]
    private static partial Regex Words();

    [GeneratedRegex(@"(\r\n|\s)")]
    private static partial Regex Spaces();
}
