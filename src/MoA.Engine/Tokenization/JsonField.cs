using System.Text.Json;

namespace MoA.Engine.Tokenization;

/// <summary>A value in a JSON file that knows where it stands, so that every error names the file and the field.</summary>
internal readonly struct JsonField
{
    private readonly JsonElement _value;
    private readonly string _file;
    private readonly string _path;

    private JsonField(JsonElement value, string file, string path)
    {
        _value = value;
        _file = file;
        _path = path;
    }

    /// <summary>Whether there is a value other than null.</summary>
    public bool HasValue => _value.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    public bool IsString => _value.ValueKind == JsonValueKind.String;

    public bool IsArray => _value.ValueKind == JsonValueKind.Array;

    /// <summary>Reads a file and hands its root to a reader; the document lives as long as the call.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read or is no JSON.</exception>
    public static T ReadFile<T>(string file, Func<JsonField, T> read)
    {
        byte[] text;
        try
        {
            text = File.ReadAllBytes(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException($"{file}: cannot be read ({e.Message})", e);
        }

        return Read(file, text, read);
    }

    /// <summary>Hands the root of a text to a reader; the document lives as long as the call.</summary>
    /// <param name="file">Where the text stands, for messages.</param>
    /// <param name="text">The text, UTF-8.</param>
    /// <param name="read">Takes what it needs.</param>
    /// <exception cref="InvalidInputException">The text is no JSON.</exception>
    public static T Read<T>(string file, ReadOnlyMemory<byte> text, Func<JsonField, T> read)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return read(new JsonField(document.RootElement, file, ""));
        }
        catch (JsonException e)
        {
            throw new InvalidInputException(
                $"{file}: expected a JSON document, found a mistake in line {e.LineNumber + 1}; is the file complete?", e);
        }
    }

    /// <summary>A field of an object; without a value where the object lacks it.</summary>
    public JsonField this[string name]
    {
        get
        {
            Expect(JsonValueKind.Object, "an object");
            string path = _path.Length == 0 ? name : $"{_path}.{name}";
            return new(_value.TryGetProperty(name, out JsonElement value) ? value : default, _file, path);
        }
    }

    /// <summary>The fields of an object with their names.</summary>
    public IEnumerable<(string Name, JsonField Value)> Fields()
    {
        Expect(JsonValueKind.Object, "an object");
        foreach (JsonProperty property in _value.EnumerateObject())
        {
            string name = Text(() => property.Name);
            yield return (name, new(property.Value, _file, $"{_path}.{name}"));
        }
    }

    /// <summary>The items of an array.</summary>
    public IEnumerable<JsonField> Items()
    {
        Expect(JsonValueKind.Array, "an array");
        int index = 0;
        foreach (JsonElement item in _value.EnumerateArray())
            yield return new(item, _file, $"{_path}[{index++}]");
    }

    public string AsString()
    {
        Expect(JsonValueKind.String, "a string");
        JsonElement value = _value;
        return Text(() => value.GetString()!);
    }

    public string? AsOptionalString() => HasValue ? AsString() : null;

    public int AsInteger() =>
        _value.ValueKind == JsonValueKind.Number && _value.TryGetInt32(out int value) ? value : throw Expected("an integer");

    public bool AsBoolean(bool missing) => _value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ when !HasValue => missing,
        _ => throw Expected("true or false"),
    };

    /// <summary>An error about this field.</summary>
    public InvalidInputException Refuse(string what) => new($"{_file}: {(_path.Length == 0 ? "" : _path + ": ")}{what}");

    private InvalidInputException Expected(string what) =>
        Refuse($"expected {what}, found {(HasValue ? _value.ValueKind.ToString().ToLowerInvariant() : "nothing")}");

    private void Expect(JsonValueKind kind, string what)
    {
        if (_value.ValueKind != kind)
            throw Expected(what);
    }

    // Reading fails on escapes that are half of a surrogate pair.
    private string Text(Func<string> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException)
        {
            throw Refuse("a string holds half of a surrogate pair");
        }
    }
}
