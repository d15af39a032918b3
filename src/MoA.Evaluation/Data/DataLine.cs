using System.Text;
using System.Text.Json;
using MoA.Engine;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Data;

/// <summary>One line of a data set: a JSON object whose fields are read by name and kind.</summary>
/// <param name="Root">The object.</param>
/// <param name="Origin">Where it stands, <c>file.jsonl:3</c>; every message begins with it.</param>
internal sealed record DataLine(JsonElement Root, string Origin)
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 32 };

    /// <summary>The lines of a file one after the other. A byte order mark, CRLF and blank lines at the end are accepted.</summary>
    /// <exception cref="InvalidInputException">The stream cannot be read, has no line, or a line is no object.</exception>
    public static IEnumerable<DataLine> Read(DataFile file)
    {
        using Stream stream = file.Open();
        JsonLineReader lines = new(stream, file.Name);
        while (lines.TryRead(out ReadOnlyMemory<byte> line))
            yield return Parse(line, $"{file.Name}:{lines.Line}");
    }

    /// <summary>The objects of a file that is one JSON array, one after the other; of such a file with an object a line, those.</summary>
    /// <exception cref="InvalidInputException">The stream cannot be read, has no object, or holds something else.</exception>
    public static IEnumerable<DataLine> ReadArray(DataFile file)
    {
        if (file.Name.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase))
        {
            foreach (DataLine line in Read(file))
                yield return line;
            yield break;
        }

        using Stream stream = file.Open();
        using IEnumerator<JsonElement> elements =
            JsonSerializer.DeserializeAsyncEnumerable(stream, DataJson.Default.JsonElement).ToBlockingEnumerable().GetEnumerator();
        int number = 0;
        for (; Next(); number++)
        {
            yield return elements.Current.ValueKind == JsonValueKind.Object
                ? new DataLine(elements.Current, $"{file.Name}: item {number + 1}")
                : throw new InvalidInputException($"{file.Name}: item {number + 1} is {Describe(elements.Current)}; expected an object");
        }

        if (number == 0)
            throw new InvalidInputException($"{file.Name}: the array is empty; expected objects");

        bool Next()
        {
            try
            {
                return elements.MoveNext();
            }
            catch (Exception failure) when (failure is JsonException or IOException)
            {
                throw new InvalidInputException($"{file.Name}: behind item {number}: not a valid JSON array of objects; get the file again", failure);
            }
        }
    }

    /// <summary>Reads one object.</summary>
    /// <exception cref="InvalidInputException">The bytes are no JSON object.</exception>
    public static DataLine Parse(ReadOnlyMemory<byte> json, string origin)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, Options);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new DataLine(document.RootElement.Clone(), origin)
                : throw new InvalidInputException($"{origin}: the line is no JSON object ({Describe(document.RootElement)}); expected {{\"…\":…}}");
        }
        catch (JsonException failure)
        {
            throw new InvalidInputException(
                $"{origin}: not valid JSON near byte {failure.BytePositionInLine ?? 0}; expected one object a line, nested at most 32 deep", failure);
        }
    }

    /// <summary>A field that must be text.</summary>
    public string Text(string name) => OptionalText(name) ?? throw Bad(name, "text");

    /// <summary>A field that is text, or null where it is missing or null.</summary>
    public string? OptionalText(string name) => Find(name) is JsonElement value ? ReadText(value, name) : null;

    /// <summary>A field that is an array of texts; empty where it is missing or null.</summary>
    public IReadOnlyList<string> Texts(string name)
    {
        if (Find(name) is not JsonElement array)
            return [];
        return array.ValueKind == JsonValueKind.Array
            ? [.. array.EnumerateArray().Select(element => ReadText(element, name))]
            : throw Bad(name, "an array of texts");
    }

    /// <summary>A field that is text, a number, or an array of such, nested or not; numbers as they are written.</summary>
    public IReadOnlyList<string> Values(string name)
    {
        return Find(name) is JsonElement value && Flat(value).ToArray() is { Length: > 0 } values ? values : throw Bad(name, "text, numbers, or an array of them");

        IEnumerable<string> Flat(JsonElement element) => element.ValueKind switch
        {
            JsonValueKind.Array => element.EnumerateArray().SelectMany(Flat),
            JsonValueKind.Number => [element.GetRawText()],
            _ => [ReadText(element, name)],
        };
    }

    /// <summary>A field that must be an array of at least one text.</summary>
    public IReadOnlyList<string> Answers(string name) =>
        Texts(name) is { Count: > 0 } answers ? answers : throw Bad(name, "an array of at least one text");

    /// <summary>A field that is a whole number of at least 0, or null where it is missing or null.</summary>
    public int? OptionalWhole(string name)
    {
        if (Find(name) is not JsonElement value)
            return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= 0
            ? number
            : throw Bad(name, "a whole number of at least 0");
    }

    /// <summary>A field that must be a whole number of at least 0.</summary>
    public int Whole(string name) => OptionalWhole(name) ?? throw Bad(name, "a whole number of at least 0");

    /// <summary>The failure of a field that is not what it should be.</summary>
    public InvalidInputException Bad(string name, string expected) => new(
        $"{Origin}: \"{name}\" is {(Root.TryGetProperty(name, out JsonElement value) ? Describe(value) : "missing")}; expected {expected}");

    private JsonElement? Find(string name) =>
        Root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private string ReadText(JsonElement value, string name)
    {
        if (value.ValueKind != JsonValueKind.String)
            throw Bad(name, "text");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException failure)
        {
            throw new InvalidInputException($"{Origin}: \"{name}\" is not valid Unicode; save the file as UTF-8, without lone halves of surrogate pairs", failure);
        }
    }

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => $"an array of {value.GetArrayLength()}",
        JsonValueKind.String => "text",
        JsonValueKind.Number => $"the number {Shortened(value.GetRawText())}",
        JsonValueKind.Null => "null",
        _ => value.GetRawText(),
    };

    private static string Shortened(string text) => text.Length <= 40 ? text : $"{text[..40]}…";
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonElement))]
internal sealed partial class DataJson : System.Text.Json.Serialization.JsonSerializerContext;
