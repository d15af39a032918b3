using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Generation;

namespace MoA.Evaluation.Prompts;

/// <summary>
/// The results of a prompts file, one JSON object a line. While a run is under way, results are appended as they come and
/// are on disk before the next begin; at its end the file is written again in the order of the prompts. Each line carries
/// the key of what it depends on, so that an interrupted run goes on. A line cut off by a crash is dropped.
/// </summary>
internal sealed class PromptResultFile : IDisposable
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static ReadOnlySpan<byte> LineStart => "{\"id\":"u8;

    private readonly Dictionary<string, ReadOnlyMemory<byte>> _lines = [];
    private readonly string _path;
    private FileStream? _file;

    private PromptResultFile(string path, FileStream file) => (_path, _file) = (path, file);

    /// <summary>Opens the file for a run, or makes it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="keys">The keys of all prompts.</param>
    /// <exception cref="InvalidInputException">It cannot be written, or holds something else than results of these prompts.</exception>
    public static PromptResultFile Open(string path, IReadOnlySet<string> keys)
    {
        PromptResultFile results;
        try
        {
            if (Path.GetDirectoryName(path) is { Length: > 0 } folder)
                _ = Directory.CreateDirectory(folder);
            results = new(path, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(
                $"{path}: cannot be opened for writing ({failure.Message.TrimEnd('.')}); is another run writing to it?", failure);
        }

        try
        {
            results.Read(keys);
            return results;
        }
        catch
        {
            results.Dispose();
            throw;
        }
    }

    /// <summary>Whether the result of a key is there.</summary>
    public bool Holds(string key) => _lines.ContainsKey(key);

    /// <summary>Appends a result; it is on disk when the call returns.</summary>
    public void Add(string key, PromptItem item, PromptResult result, LanguageModel model)
    {
        using MemoryStream line = new();
        using (Utf8JsonWriter writer = new(line, Options))
        {
            writer.WriteStartObject();
            writer.WritePropertyName("id");
            item.Id.WriteTo(writer);
            GenerationJson.Write(writer, result.Generation, model);
            writer.WriteNumber("kvBytes", result.KvBytes);
            writer.WriteString("key", key);
            writer.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        _lines[key] = line.ToArray();
        _file!.Write(_lines[key].Span);
        _file.Flush(flushToDisk: true);
    }

    /// <summary>Closes the file with the results of these keys, in this order.</summary>
    public void Complete(IReadOnlyList<string> keys)
    {
        Dispose();
        WholeFile.Write(_path, stream =>
        {
            foreach (string key in keys)
                stream.Write(_lines[key].Span);
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    private void Read(IReadOnlySet<string> keys)
    {
        byte[] content = new byte[_file!.Length];
        _file.ReadExactly(content);
        int start = 0, number = 0;
        for (int end; (end = Array.IndexOf(content, (byte)'\n', start)) >= 0; start = end + 1)
        {
            number++;
            string key = KeyOf(content.AsMemory(start, end - start)) ?? throw Refuse($"{_path}:{number}: is no result of a prompts file");
            if (!keys.Contains(key))
                throw Refuse($"{_path}:{number}: is the result of another prompt, model or setting");
            _lines[key] = content.AsMemory(start, end + 1 - start);
        }

        ReadOnlySpan<byte> rest = content.AsSpan(start);
        if (!rest.StartsWith(LineStart) && !LineStart.StartsWith(rest))
            throw Refuse($"{_path}:{number + 1}: is no result of a prompts file");
        _file.SetLength(start);
        _file.Position = start;
    }

    private static InvalidInputException Refuse(string what) => new($"{what}; move the file away, or choose another --out");

    private static string? KeyOf(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("key", out JsonElement key)
                ? key.GetString()
                : null;
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
