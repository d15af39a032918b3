using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Files;

namespace MoA.Evaluation.Tasks;

/// <summary>
/// <c>predictions.jsonl</c> of a result folder. While a run is under way, finished predictions are appended and are on disk
/// before the next begin; at its end the file is written again in the order of the items. A line cut off by a crash is dropped.
/// </summary>
internal sealed class PredictionFile : IDisposable
{
    public const string FileName = "predictions.jsonl";

    private readonly Dictionary<string, Prediction> _known = [];
    private readonly string _path;
    private FileStream? _file;

    private PredictionFile(string path, FileStream file) => (_path, _file) = (path, file);

    /// <summary>Opens the file of a folder for a run, or makes it.</summary>
    /// <exception cref="InvalidInputException">It cannot be written, or another run writes to it.</exception>
    public static PredictionFile Open(string folder)
    {
        string path = Path.Combine(folder, FileName);
        FileStream? file = null;
        try
        {
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            PredictionFile predictions = new(path, file);
            predictions.ReadKnown();
            WholeFile.FlushFolderOf(path);
            file = null;
            return predictions;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException($"{path}: cannot be opened for writing ({failure.Message.TrimEnd('.')}); is another run using the folder?", failure);
        }
        finally
        {
            file?.Dispose();
        }
    }

    /// <summary>Reads a finished file.</summary>
    /// <exception cref="InvalidInputException">It is missing, or a line is no prediction.</exception>
    public static IReadOnlyList<Prediction> ReadAll(string folder)
    {
        string path = Path.Combine(folder, FileName);
        byte[] content = InputFile.ReadBytes(path, "run the evaluation first");
        List<Prediction> predictions = [];
        int number = 0;
        foreach (ReadOnlyMemory<byte> line in Lines(content))
        {
            number++;
            predictions.Add(Parse(line) ?? throw new InvalidInputException(
                $"{path}:{number}: is no prediction; run the evaluation again, which keeps the other lines"));
        }

        return predictions;
    }

    public bool TryGet(string key, out Prediction? prediction) => _known.TryGetValue(key, out prediction);

    /// <summary>Appends finished predictions.</summary>
    public void Add(IEnumerable<Prediction> predictions)
    {
        using MemoryStream lines = new();
        foreach (Prediction prediction in predictions)
        {
            WriteLine(lines, prediction);
            _known[prediction.Key] = prediction;
        }

        _file!.Write(lines.GetBuffer(), 0, (int)lines.Length);
        _file.Flush(flushToDisk: true);
    }

    /// <summary>Closes the file with just these predictions, in this order.</summary>
    public void Complete(IReadOnlyList<Prediction> predictions)
    {
        Dispose();
        WholeFile.Write(_path, stream =>
        {
            foreach (Prediction prediction in predictions)
                WriteLine(stream, prediction);
        });
    }

    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    private void ReadKnown()
    {
        byte[] content = new byte[_file!.Length];
        _file.ReadExactly(content);
        int whole = Array.LastIndexOf(content, (byte)'\n') + 1;
        foreach (ReadOnlyMemory<byte> line in Lines(content.AsMemory(0, whole)))
        {
            if (Parse(line) is Prediction prediction)
                _known[prediction.Key] = prediction;
        }

        _file.SetLength(whole);
        _file.Position = whole;
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Lines(ReadOnlyMemory<byte> content)
    {
        while (!content.IsEmpty)
        {
            int end = content.Span.IndexOf((byte)'\n');
            yield return end < 0 ? content : content[..end];
            content = end < 0 ? default : content[(end + 1)..];
        }
    }

    private static Prediction? Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line.Span, EvaluationJson.Lines.Prediction);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static void WriteLine(Stream stream, Prediction prediction)
    {
        JsonSerializer.Serialize(stream, prediction, EvaluationJson.Lines.Prediction);
        stream.WriteByte((byte)'\n');
    }
}
