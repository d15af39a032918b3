using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using MoA.Engine;
using MoA.Engine.Files;
using MoA.Search.Pipeline;

namespace MoA.Evaluation.Tasks;

/// <summary>
/// The folder of one policy's results on one set, <c>task__length__model__policy__density</c>: <c>configuration.json</c>,
/// <c>predictions.jsonl</c>, <c>timing.jsonl</c> and, once all items are answered, <c>metrics.json</c>.
/// </summary>
internal static class EvaluationFolder
{
    private const string ConfigurationFile = "configuration.json", MetricsFile = "metrics.json", TimingFile = "timing.jsonl";

    /// <summary>The folder's name.</summary>
    public static string NameOf(EvaluationConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        string task = configuration.Dataset is null ? configuration.Task : $"{configuration.Task}-{configuration.Dataset}";
        string[] parts =
        [
            task, configuration.Length.ToString(CultureInfo.InvariantCulture), configuration.Model, configuration.PolicyLabel,
            configuration.Density.ToString("0.####", CultureInfo.InvariantCulture),
        ];
        return string.Join("__", parts.Select(Plain));
    }

    /// <summary>Makes or opens the folder of a run below another folder.</summary>
    /// <exception cref="InvalidInputException">It holds results of other settings, or cannot be written.</exception>
    public static string Open(string parent, EvaluationConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        string folder = Path.Combine(parent, NameOf(configuration));
        string file = Path.Combine(folder, ConfigurationFile);
        if (File.Exists(file))
        {
            EvaluationConfiguration there = ReadConfiguration(folder);
            foreach (((string name, string now), (_, string then)) in configuration.Settings.Zip(there.Settings))
            {
                if (now != then)
                    throw new InvalidInputException($"{file}: holds results of another run ({name}: {then}; here: {now}); choose another --out, or delete that folder");
            }
        }

        OutputFolder.Create(folder);
        WriteJson(file, configuration, EvaluationJson.Indented.EvaluationConfiguration);
        return folder;
    }

    /// <summary>What a folder's results are of.</summary>
    /// <exception cref="InvalidInputException">The file is missing or damaged.</exception>
    public static EvaluationConfiguration ReadConfiguration(string folder) =>
        ReadJson(Path.Combine(folder, ConfigurationFile), EvaluationJson.Indented.EvaluationConfiguration);

    /// <summary>A folder's results.</summary>
    /// <exception cref="InvalidInputException">The file is missing or damaged.</exception>
    public static EvaluationMetrics ReadMetrics(string folder) =>
        ReadJson(Path.Combine(folder, MetricsFile), EvaluationJson.Indented.EvaluationMetrics);

    /// <summary>All result folders in a folder and below, and the folder itself if it is one, in order of their names.</summary>
    /// <param name="folder">Where to look.</param>
    /// <param name="finishedOnly">Only those whose metrics are there.</param>
    /// <exception cref="InvalidInputException">The folder does not exist.</exception>
    public static IReadOnlyList<string> FindAll(string folder, bool finishedOnly)
    {
        if (!Directory.Exists(folder))
            throw new InvalidInputException($"{folder}: no such folder; expected results of moa eval");
        return [.. Directory.EnumerateFiles(folder, finishedOnly ? MetricsFile : ConfigurationFile, SearchOption.AllDirectories)
            .Select(file => Path.GetDirectoryName(file)!)
            .Where(found => File.Exists(Path.Combine(found, ConfigurationFile)))
            .Order(StringComparer.Ordinal)];
    }

    /// <summary>Scores the stored predictions of a folder again and writes its metrics.</summary>
    /// <exception cref="InvalidInputException">A file is missing or damaged.</exception>
    public static EvaluationMetrics Rescore(string folder, AnswerScorer scorer)
    {
        EvaluationConfiguration configuration = ReadConfiguration(folder);
        IReadOnlyList<Prediction> predictions = PredictionFile.ReadAll(folder);
        if (predictions.Count != configuration.Items)
        {
            throw new InvalidInputException(
                $"{Path.Combine(folder, PredictionFile.FileName)}: {predictions.Count} predictions of {configuration.Items}; let the run end first");
        }

        return WriteMetrics(folder, configuration, predictions, scorer);
    }

    internal static EvaluationMetrics WriteMetrics(
        string folder, EvaluationConfiguration configuration, IReadOnlyList<Prediction> predictions, AnswerScorer scorer)
    {
        EvaluationMetrics metrics = MetricsBuilder.Build(configuration, predictions, ReadTimings(folder), scorer);
        WriteJson(Path.Combine(folder, MetricsFile), metrics, EvaluationJson.Indented.EvaluationMetrics);
        return metrics;
    }

    /// <summary>Puts scores that someone else gave the items into a folder's metrics.</summary>
    internal static EvaluationMetrics WriteScores(string folder, double[] scores)
    {
        ScoreInterval interval = ScoreInterval.Of(scores);
        EvaluationMetrics metrics = ReadMetrics(folder) with
        {
            Accuracy = interval.Mean,
            Low = interval.Low,
            High = interval.High,
            Scores = scores,
        };
        WriteJson(Path.Combine(folder, MetricsFile), metrics, EvaluationJson.Indented.EvaluationMetrics);
        return metrics;
    }

    internal static void AddTiming(string folder, EvaluationTiming timing) => File.AppendAllText(
        Path.Combine(folder, TimingFile), JsonSerializer.Serialize(timing, EvaluationJson.Lines.EvaluationTiming) + "\n");

    private static List<EvaluationTiming> ReadTimings(string folder)
    {
        string path = Path.Combine(folder, TimingFile);
        List<EvaluationTiming> timings = [];
        foreach (string line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            try
            {
                if (JsonSerializer.Deserialize(line, EvaluationJson.Lines.EvaluationTiming) is EvaluationTiming timing)
                    timings.Add(timing);
            }
            catch (JsonException)
            {
                // A line cut off by a crash; only a speed hangs on it.
            }
        }

        return timings;
    }

    private static void WriteJson<T>(string path, T value, JsonTypeInfo<T> type) =>
        WholeFile.WriteText(path, JsonSerializer.Serialize(value, type) + "\n");

    private static T ReadJson<T>(string path, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(InputFile.ReadText(path, "run the evaluation again"), type) ?? throw new JsonException("it is null");
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            throw InputFile.Error(path, $"cannot be used ({failure.Message.TrimEnd('.')}); run the evaluation again", failure);
        }
    }

    // Two underscores part the fields, so none may have them within.
    private static string Plain(string part) =>
        string.Concat(part.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' ? c : '-')).Trim('-', '.') is { Length: > 0 } plain ? plain : "x";
}
