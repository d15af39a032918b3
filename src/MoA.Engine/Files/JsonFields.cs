using System.Text.Json;

namespace MoA.Engine.Files;

/// <summary>
/// The members of one JSON object of a file, read with range checks. A member that is <c>null</c> counts as missing.
/// Every fault is an <see cref="InvalidInputException"/> that names the file and the member.
/// </summary>
internal readonly struct JsonFields
{
    private const int LongestFile = 256 << 20;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly string _path;
    private readonly string _within;
    private readonly JsonElement _object;

    private JsonFields(string path, string within, JsonElement element)
    {
        _path = path;
        _within = within;
        _object = element;
    }

    /// <summary>Number of members.</summary>
    public int Count => _object.GetPropertyCount();

    /// <summary>Every member's name and value.</summary>
    public JsonElement.ObjectEnumerator All => _object.EnumerateObject();

    /// <summary>Reads the object that a whole file holds.</summary>
    public static T ReadFile<T>(string path, Func<JsonFields, T> read)
    {
        ReadOnlyMemory<byte> text = InputFile.ReadAll(path, LongestFile);
        if (text.Span.StartsWith("\uFEFF"u8))
            text = text[3..];
        return Read(path, text, read);
    }

    /// <summary>Reads the object that <paramref name="text"/>, a part of the file, holds.</summary>
    public static T Read<T>(string path, ReadOnlyMemory<byte> text, Func<JsonFields, T> read)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw InputFile.Error(path, $"holds {Shown(document.RootElement)}; expected a JSON object");
            return read(new JsonFields(path, "", document.RootElement));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string with half a surrogate pair or bytes that are not UTF-8.
            throw InputFile.Error(path, $"not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Whether the member is there, be it null.</summary>
    public bool Names(string key) => _object.TryGetProperty(key, out _);

    /// <summary>Whether the member is there and not null.</summary>
    public bool Has(string key) => TryGet(key, out _);

    /// <summary>A whole number in a range; the default, or a fault without one, if it is missing.</summary>
    public int Int(string key, int least, int most, int? missing = null) =>
        OptionalInt(key, least, most) ?? missing ?? throw Missing(key);

    /// <summary>A whole number in a range, or null if it is missing.</summary>
    public int? OptionalInt(string key, int least, int most) =>
        TryGet(key, out JsonElement value) ? IntOf(key, value, least, most) : null;

    /// <summary>A finite number in a range, or null if it is missing.</summary>
    public double? OptionalDouble(string key, double least, double most)
    {
        if (!TryGet(key, out JsonElement value))
            return null;
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) &&
            double.IsFinite(number) && number >= least && number <= most)
        {
            return number;
        }

        // double.Epsilon, the least positive number, is how callers say "above 0".
        string from = least == double.Epsilon ? "above 0 and" : FormattableString.Invariant($"from {least}");
        throw Wrong(key, value, FormattableString.Invariant($"a number {from} up to {most}"));
    }

    /// <summary>A finite number in a range; the default, or a fault without one, if it is missing.</summary>
    public double Double(string key, double least, double most, double? missing = null) =>
        OptionalDouble(key, least, most) ?? missing ?? throw Missing(key);

    /// <summary>True or false; the default if it is missing.</summary>
    public bool Bool(string key, bool missing)
    {
        if (!TryGet(key, out JsonElement value))
            return missing;
        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Wrong(key, value, "true or false"),
        };
    }

    /// <summary>A string, or null if it is missing.</summary>
    public string? OptionalString(string key) =>
        TryGet(key, out JsonElement value) ? StringOf(key, value) : null;

    /// <summary>A list of strings, or null if it is missing.</summary>
    public string[]? OptionalStrings(string key)
    {
        if (!TryGet(key, out JsonElement list))
            return null;
        if (list.ValueKind != JsonValueKind.Array)
            throw Wrong(key, list, "a list of strings");
        JsonFields fields = this;
        return [.. list.EnumerateArray().Select((value, i) => fields.StringOf($"{key}[{i}]", value))];
    }

    /// <summary>One whole number or a list of them, or null if it is missing.</summary>
    public int[]? OptionalInts(string key, int least, int most)
    {
        if (!TryGet(key, out JsonElement value))
            return null;
        if (value.ValueKind != JsonValueKind.Array)
            return [IntOf(key, value, least, most)];
        JsonFields fields = this;
        return [.. value.EnumerateArray().Select((one, i) => fields.IntOf($"{key}[{i}]", one, least, most))];
    }

    /// <summary>A list of whole numbers of 64 bits, or null if it is missing.</summary>
    public long[]? OptionalLongs(string key)
    {
        if (!TryGet(key, out JsonElement list))
            return null;
        if (list.ValueKind != JsonValueKind.Array)
            throw Wrong(key, list, "a list of whole numbers");
        JsonFields fields = this;
        return [.. list.EnumerateArray().Select((value, i) => fields.LongOf($"{key}[{i}]", value))];
    }

    /// <summary>An object within this one, or null if it is missing.</summary>
    public JsonFields? OptionalObject(string key) =>
        TryGet(key, out JsonElement value) ? ObjectOf(key, value) : null;

    /// <summary>A member's value as an object.</summary>
    public JsonFields ObjectOf(string key, JsonElement value) => value.ValueKind == JsonValueKind.Object
        ? new JsonFields(_path, $"{_within}{Cut(key)}.", value)
        : throw Wrong(key, value, "an object");

    /// <summary>The fault that a member has an unusable value.</summary>
    public InvalidInputException Wrong(string key, JsonElement value, string expected) =>
        Fault($"\"{_within}{Cut(key)}\" is {Shown(value)}; expected {expected}");

    /// <summary>The fault that a member is not there.</summary>
    public InvalidInputException Missing(string key) => Fault($"\"{_within}{Cut(key)}\" is missing");

    /// <summary>Any other fault of the file.</summary>
    public InvalidInputException Fault(string problem) => InputFile.Error(_path, problem);

    /// <summary>The start of a name or value that may be of any length.</summary>
    public static string Cut(string text) => text.Length <= 100 ? text : string.Concat(text.AsSpan(0, 100), "…");

    private bool TryGet(string key, out JsonElement value) =>
        _object.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

    private string StringOf(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(key, value, "a string");

    private long LongOf(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number)
            ? number
            : throw Wrong(key, value, "a whole number of 64 bits");

    private int IntOf(string key, JsonElement value, int least, int most)
    {
        // 8192.0 counts as whole: Python writes what was computed as a float that way.
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) &&
            number >= least && number <= most && number == Math.Truncate(number))
        {
            return (int)number;
        }

        throw Wrong(key, value, $"a whole number from {least} to {most}");
    }

    private static string Shown(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => Cut(value.GetRawText()),
    };
}
