using System.Text.Encodings.Web;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Files;
using MoA.Engine.Tokenization;

namespace MoA.Search.Calibration;

/// <summary>
/// Reads and writes conversations, one JSON object a line (<c>.jsonl</c>, UTF-8): <c>{"messages":[…]}</c>,
/// <c>{"tokens":[…],"answers":[[start,end],…]}</c> or <c>{"text":…}</c>, and reads LongBench's
/// <c>{"input":…,"context":…,"answers":[…]}</c> as a conversation of the context and the input with the first answer.
/// The labels <c>source</c>, <c>dataset</c> and <c>kind</c> are kept; other keys are ignored.
/// </summary>
internal static class ConversationFile
{
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads the items one after the other while the result is enumerated.</summary>
    /// <param name="path">The file. A byte order mark, CRLF line ends and empty lines at the end are accepted.</param>
    /// <param name="requireAnswers">Refuse items that mark nothing as an answer.</param>
    /// <exception cref="InvalidInputException">The file cannot be read or has no item, or a line is not an item; the
    /// message names file and line.</exception>
    public static IEnumerable<CalibrationItem> Read(string path, bool requireAnswers = false)
    {
        using FileStream stream = InputFile.Open(path);
        foreach (CalibrationItem item in Read(stream, path, requireAnswers))
            yield return item;
    }

    /// <summary>Reads the items of a stream, which is left open.</summary>
    /// <param name="stream">UTF-8 text, one item a line.</param>
    /// <param name="name">What error messages call the stream.</param>
    /// <param name="requireAnswers">Refuse items that mark nothing as an answer.</param>
    /// <exception cref="InvalidInputException">As for <see cref="Read(string, bool)"/>.</exception>
    public static IEnumerable<CalibrationItem> Read(Stream stream, string name, bool requireAnswers = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return ReadLines(stream, name, requireAnswers);
    }

    /// <summary>Writes the items to a file, whole or not at all. Missing folders are made.</summary>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    public static void Write(string path, IEnumerable<CalibrationItem> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        WholeFile.Write(path, stream =>
        {
            foreach (CalibrationItem item in items)
                WriteLine(stream, item);
        });
    }

    /// <summary>Writes one item as one line, ended by a line feed.</summary>
    public static void WriteLine(Stream stream, CalibrationItem item)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(item);
        using (Utf8JsonWriter writer = new(stream, WriterOptions))
            WriteItem(writer, item);

        stream.WriteByte((byte)'\n');
    }

    private static IEnumerable<CalibrationItem> ReadLines(Stream stream, string name, bool requireAnswers)
    {
        JsonLineReader lines = new(stream, name);
        while (lines.TryRead(out ReadOnlyMemory<byte> line))
        {
            CalibrationItem item = new ConversationLine($"{name}:{lines.Line}").Parse(line);
            if (requireAnswers && !item.HasAnswers)
            {
                throw new InvalidInputException($"{item.Origin}: the item has no answer; expected an assistant message or answer spans; "
                    + "add one, or let the model write the answers");
            }

            yield return item;
        }
    }

    private static void WriteItem(Utf8JsonWriter writer, CalibrationItem item)
    {
        writer.WriteStartObject();
        switch (item)
        {
            case MessagesItem messages:
                WriteMessages(writer, messages);
                break;
            case TokensItem tokens:
                WriteTokens(writer, tokens);
                break;
            case TextItem text:
                writer.WriteString("text", text.Text);
                break;
        }

        foreach ((string key, string? value) in new[] { ("source", item.Source), ("dataset", item.Dataset), ("kind", item.Kind) })
        {
            if (value is not null)
                writer.WriteString(key, value);
        }

        writer.WriteEndObject();
    }

    private static void WriteMessages(Utf8JsonWriter writer, MessagesItem item)
    {
        writer.WriteStartArray("messages");
        foreach (ChatMessage message in item.Messages)
        {
            writer.WriteStartObject();
            writer.WriteString("role", message.Role.Name);
            writer.WriteString("content", message.Content);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteTokens(Utf8JsonWriter writer, TokensItem item)
    {
        writer.WriteStartArray("tokens");
        foreach (int token in item.Tokens)
            writer.WriteNumberValue(token);

        writer.WriteEndArray();
        if (item.Answers is null)
            return;

        writer.WriteStartArray("answers");
        foreach (AnswerSpan span in item.Answers)
        {
            writer.WriteStartArray();
            writer.WriteNumberValue(span.Start);
            writer.WriteNumberValue(span.End);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }
}
