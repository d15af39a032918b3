using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MoA.Engine;

namespace MoA.Search;

/// <summary>
/// Finished pieces of a long run, kept so that an interrupted one goes on where it stopped: an append-only file of
/// <c>{"key":…,"value":…}</c> lines. A key names the piece together with a hash of everything its value depends on, so a
/// run with other settings or data never takes a stale value. A line cut off by a crash is dropped, a damaged one skipped.
/// </summary>
internal sealed class ResultJournal : IDisposable
{
    /// <summary>Name of the file in the folder of a run.</summary>
    public const string FileName = "journal.jsonl";

    private static ReadOnlySpan<byte> LineStart => "{\"key\":"u8;

    private readonly Dictionary<string, JsonElement> _values = [];
    private readonly FileStream _file;

    private ResultJournal(FileStream file) => _file = file;

    /// <summary>
    /// Opens or creates the journal of a folder. It stands beside all that a run writes: where there is none, files with the names
    /// of the run's outputs are somebody else's, and not replaced.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="outputs">Names of the files that the run will write there.</param>
    /// <exception cref="InvalidInputException">Such a file is in the way, or the journal cannot be used.</exception>
    public static ResultJournal OpenIn(string folder, params ReadOnlySpan<string> outputs)
    {
        string path = Path.Combine(folder, FileName);
        foreach (string name in File.Exists(path) ? [] : outputs)
        {
            string output = Path.Combine(folder, name);
            if (Path.Exists(output))
                throw new InvalidInputException($"{output}: would be replaced, but no run wrote it (there is no {FileName} beside it); move it, or choose another --out");
        }

        return Open(path);
    }

    /// <summary>Opens or creates a journal.</summary>
    /// <exception cref="InvalidInputException">The file cannot be written, or it is something else than a journal.</exception>
    public static ResultJournal Open(string path)
    {
        FileStream? file = null;
        try
        {
            // FileShare.Read would keep a second run out on Windows only: elsewhere it is a shared lock.
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            ResultJournal journal = new(file);
            journal.Read();
            WholeFile.FlushFolderOf(path);
            file = null;
            return journal;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(
                $"{path}: cannot be opened for writing ({failure.Message.TrimEnd('.')}); is another run using the folder?", failure);
        }
        finally
        {
            file?.Dispose();
        }
    }

    /// <summary>A hash over the parts that a value depends on.</summary>
    public static string Hash(params ReadOnlySpan<string> parts)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string part in parts)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(part);
            hash.AppendData(BitConverter.GetBytes(bytes.LongLength));
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 12));
    }

    /// <summary>The value of a finished piece.</summary>
    public bool TryGet(string key, out JsonElement value) => _values.TryGetValue(key, out value);

    /// <summary>Records a finished piece; it is on disk when the call returns.</summary>
    public void Add(string key, Action<Utf8JsonWriter> writeValue)
    {
        ArgumentNullException.ThrowIfNull(writeValue);
        using MemoryStream line = new();
        using (Utf8JsonWriter writer = new(line))
        {
            writer.WriteStartObject();
            writer.WriteString("key", key);
            writer.WritePropertyName("value");
            writeValue(writer);
            writer.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        _file.Write(line.GetBuffer(), 0, (int)line.Length);
        _file.Flush(flushToDisk: true);
        Remember(line.GetBuffer().AsMemory(0, (int)line.Length));
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void Read()
    {
        byte[] content = new byte[_file.Length];
        _file.ReadExactly(content);
        int start = 0;
        for (int end; (end = Array.IndexOf(content, (byte)'\n', start)) >= 0; start = end + 1)
            Remember(content.AsMemory(start, end - start));

        // A first line that a crash cut off is the beginning of one; anything else is somebody's file, not to be cut or added to.
        if (_values.Count == 0 && !LineStart.StartsWith(content.AsSpan(0, Math.Min(content.Length, LineStart.Length))))
            throw new InvalidInputException($"{_file.Name}: not a journal of this program; move it, or choose another folder");
        _file.SetLength(start);
        _file.Position = start;
    }

    private void Remember(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("key", out JsonElement key) &&
                key.ValueKind == JsonValueKind.String && root.TryGetProperty("value", out JsonElement value))
            {
                _values[key.GetString()!] = value.Clone();
            }
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            // Not JSON, or a string that is not UTF-8: the piece counts as not finished.
        }
    }
}
