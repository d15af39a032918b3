using System.Text.Json;

namespace MoA.Engine.Files;

/// <summary>
/// A value in a JSON file that knows where it stands: it is read with checks, and every fault is an
/// <see cref="InvalidInputException"/> that names the file and the field. A value that is <c>null</c> counts as missing. A byte
/// order mark is skipped; a name that stands twice in an object is refused.
/// </summary>
internal readonly struct JsonField
{
    private const int LongestFile = 256 << 20;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly JsonElement _value;
    private readonly string _file;
    private readonly string _path;

    private JsonField(JsonElement value, string file, string path)
    {
        _value = value;
        _file = file;
        _path = path;
    }

    /// <summary>Whether the value stands there, be it null.</summary>
    public bool Exists => _value.ValueKind != JsonValueKind.Undefined;

    /// <summary>Whether there is a value other than null.</summary>
    public bool HasValue => _value.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    public bool IsString => _value.ValueKind == JsonValueKind.String;

    public bool IsObject => _value.ValueKind == JsonValueKind.Object;

    public bool IsArray => _value.ValueKind == JsonValueKind.Array;

    /// <summary>The value as the file writes it.</summary>
    public string RawText => HasValue ? _value.GetRawText() : "null";

    /// <summary>Reads a file and hands its root to a reader; the document lives as long as the call.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read or is no JSON.</exception>
    public static T ReadFile<T>(string file, Func<JsonField, T> read) => Read(file, InputFile.ReadBytes(file, longest: LongestFile), read);

    /// <summary>Hands the root of a text to a reader; the document lives as long as the call.</summary>
    /// <param name="file">Where the text stands, for messages.</param>
    /// <param name="text">The text, UTF-8.</param>
    /// <param name="read">Takes what it needs.</param>
    /// <exception cref="InvalidInputException">The text is no JSON.</exception>
    public static T Read<T>(string file, ReadOnlyMemory<byte> text, Func<JsonField, T> read)
    {
        using JsonDocument document = Parse(file, text.Span.StartsWith("\uFEFF"u8) ? text[3..] : text);
        return read(new JsonField(document.RootElement, file, ""));
    }

    /// <summary>A field of an object; without a value where the object lacks it.</summary>
    public JsonField this[string name]
    {
        get
        {
            Expect(JsonValueKind.Object, "an object");
            JsonElement value = _value;
            JsonElement found = Text(() => value.TryGetProperty(name, out JsonElement field) ? field : default);
            return Child(found, name);
        }
    }

    /// <summary>Number of fields of an object.</summary>
    public int Count
    {
        get
        {
            Expect(JsonValueKind.Object, "an object");
            return _value.GetPropertyCount();
        }
    }

    /// <summary>The fields of an object with their names.</summary>
    public IEnumerable<(string Name, JsonField Value)> Fields()
    {
        Expect(JsonValueKind.Object, "an object");
        foreach (JsonProperty property in _value.EnumerateObject())
        {
            string name = Text(() => property.Name);
            yield return (name, Child(property.Value, name));
        }
    }

    /// <summary>The items of an array.</summary>
    public IEnumerable<JsonField> Items()
    {
        Expect(JsonValueKind.Array, "a list");
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

    /// <summary>A whole number in a range. 8192.0 counts: Python writes what was computed as a float that way.</summary>
    public int AsInteger(int least = int.MinValue, int most = int.MaxValue) =>
        _value.ValueKind == JsonValueKind.Number && _value.TryGetDouble(out double number) &&
        number >= least && number <= most && number == Math.Truncate(number)
            ? (int)number
            : throw Expected(least == int.MinValue && most == int.MaxValue ? "a whole number of 32 bits" : $"a whole number from {least} to {most}");

    /// <summary>A whole number in a range, or null if it is missing.</summary>
    public int? AsOptionalInteger(int least, int most) => HasValue ? AsInteger(least, most) : null;

    /// <summary>A whole number in a range, or null if it is missing or -1, by which many files say that there is none.</summary>
    public int? AsOptionalIntegerOrNone(int least, int most) => IsMinusOne ? null : AsOptionalInteger(least, most);

    /// <summary>A token's id or a list of ids, from 0 to <paramref name="most"/>; -1 and null stand for none, in a list too.</summary>
    public int[] AsTokenIds(int most)
    {
        JsonField[] ids = IsArray ? [.. Items()] : [this];
        return [.. ids.Select(id => id.AsOptionalIntegerOrNone(0, most)).OfType<int>()];
    }

    /// <summary>A whole number of 64 bits.</summary>
    public long AsLong() => _value.ValueKind == JsonValueKind.Number && _value.TryGetInt64(out long number)
        ? number
        : throw Expected("a whole number of 64 bits");

    /// <summary>A finite number in a range; a range from <see cref="double.Epsilon"/> means above 0.</summary>
    public double AsNumber(double least, double most)
    {
        if (_value.ValueKind == JsonValueKind.Number && _value.TryGetDouble(out double number) &&
            double.IsFinite(number) && number >= least && number <= most)
        {
            return number;
        }

        string from = least == double.Epsilon ? "above 0 and" : FormattableString.Invariant($"from {least}");
        throw Expected(FormattableString.Invariant($"a number {from} up to {most}"));
    }

    /// <summary>A finite number in a range, or null if it is missing.</summary>
    public double? AsOptionalNumber(double least, double most) => HasValue ? AsNumber(least, most) : null;

    /// <summary>True or false, or null if it is missing.</summary>
    public bool? AsOptionalBoolean() => _value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ when !HasValue => null,
        _ => throw Expected("true or false"),
    };

    public bool AsBoolean(bool missing) => AsOptionalBoolean() ?? missing;

    /// <summary>The fault that the value is not what it should be.</summary>
    public InvalidInputException Expected(string what)
    {
        string name = _path.Length == 0 ? "the file" : $"\"{_path}\"";
        return InputFile.Error(_file, HasValue || _path.Length == 0 ? $"{name} is {Shown()}; expected {what}" : $"{name} is missing; expected {what}");
    }

    /// <summary>Any other fault of the value.</summary>
    public InvalidInputException Refuse(string what) => InputFile.Error(_file, _path.Length == 0 ? what : $"{_path}: {what}");

    private bool IsMinusOne =>
        _value.ValueKind == JsonValueKind.Number && _value.TryGetDouble(out double number) && number == -1;

    private static JsonDocument Parse(string file, ReadOnlyMemory<byte> text)
    {
        try
        {
            return JsonDocument.Parse(text, Strict);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: names that are compared with each other and are no text.
            throw InputFile.Error(file, $"not valid JSON: {e.Message}", e);
        }
    }

    // Reading fails on half of a surrogate pair and on bytes that are not UTF-8.
    private T Text<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException e)
        {
            throw Refuse($"not valid JSON: {e.Message}");
        }
    }

    private JsonField Child(JsonElement value, string name) =>
        new(value, _file, _path.Length == 0 ? InputFile.Cut(name) : $"{_path}.{InputFile.Cut(name)}");

    private void Expect(JsonValueKind kind, string what)
    {
        if (_value.ValueKind != kind)
            throw Expected(what);
    }

    private string Shown() => _value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => InputFile.Cut(_value.GetRawText()),
    };
}
