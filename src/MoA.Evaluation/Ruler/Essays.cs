using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Files;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Ruler;

/// <summary>A long prose text in which needles are hidden: its words in order, again from the start when they end.</summary>
/// <param name="Name">What it is, for the record.</param>
/// <param name="Words">Its words.</param>
internal sealed record Essays(string Name, IReadOnlyList<string> Words)
{
    /// <summary>The Shakespeare that comes with the program, in the public domain: it stands in for the essays, which are not ours to ship.</summary>
    public static Essays StandIn { get; } = new("Shakespeare", Split(string.Join('\n', FillerText.Lines)));

    /// <summary>Reads essays.</summary>
    /// <param name="path">A text file, a folder of .txt files that are read in the order of their names, or RULER's JSON with its <c>text</c>.</param>
    /// <exception cref="InvalidInputException">There is no text.</exception>
    public static Essays Read(string path)
    {
        const string Hint = "give --essays a text file, a folder of .txt files, or RULER's PaulGrahamEssays.json";
        string[] files = Directory.Exists(path) ? [.. Directory.EnumerateFiles(path, "*.txt").Order(StringComparer.Ordinal)] : [path];
        string[] words = [.. files.SelectMany(file => Split(Text(file)))];
        return words.Length > 0 ? new Essays(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)), words) : throw InputFile.Error(path, $"has no words; {Hint}");

        static string Text(string file)
        {
            if (!file.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
                return InputFile.ReadText(file, Hint);
            try
            {
                using JsonDocument document = JsonDocument.Parse(InputFile.ReadBytes(file, Hint));
                return document.RootElement.GetProperty("text").GetString() ?? "";
            }
            catch (Exception failure) when (failure is JsonException or InvalidOperationException or KeyNotFoundException)
            {
                throw InputFile.Error(file, $"is no JSON object with the essays in \"text\"; {Hint}", failure);
            }
        }
    }

    /// <summary>The sentences of the first words. A sentence ends with a word that ends with a full stop, a question or an exclamation mark, quotes and brackets aside.</summary>
    public List<string> Sentences(int words)
    {
        List<string> sentences = [];
        int start = 0;
        for (int i = 0; i < words; i++)
        {
            if (i + 1 < words && Words[i % Words.Count].TrimEnd('"', '\'', ')', ']', '”', '’') is not [.., '.' or '!' or '?'])
                continue;
            sentences.Add(string.Join(' ', Enumerable.Range(start, i + 1 - start).Select(word => Words[word % Words.Count])));
            start = i + 1;
        }

        return sentences;
    }

    private static string[] Split(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
}
