using System.Globalization;
using System.Text.Json;

namespace MoA.Server.Http;

/// <summary>
/// A value within a request that knows where it stands, so that every complaint names its place. A member that is missing and one that is
/// null are the same.
/// </summary>
internal readonly struct JsonInput(JsonElement element, string path)
{
    /// <summary>Where it stands, as in <c>messages[2].content</c>; empty for the whole body.</summary>
    public string Path { get; } = path;

    public bool HasValue => element.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    public bool IsText => element.ValueKind == JsonValueKind.String;

    public bool IsArray => element.ValueKind == JsonValueKind.Array;

    public bool IsObject => element.ValueKind == JsonValueKind.Object;

    public bool IsNumber => element.ValueKind == JsonValueKind.Number;

    public bool IsTrue => element.ValueKind == JsonValueKind.True;

    public bool IsFalse => element.ValueKind == JsonValueKind.False;

    /// <summary>The JSON as it stands.</summary>
    public string Raw => element.GetRawText();

    /// <summary>The value itself.</summary>
    public JsonElement Element => element;

    /// <summary>A member of an object; one without a value where it is not there.</summary>
    public JsonInput this[string name] => new(
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement member) ? member : default,
        Path.Length == 0 ? name : $"{Path}.{name}");

    /// <summary>The members of an object.</summary>
    public IEnumerable<(string Name, JsonInput Value)> Members()
    {
        foreach (JsonProperty member in Expect(JsonValueKind.Object, "an object").EnumerateObject())
            yield return (member.Name, new JsonInput(member.Value, Path.Length == 0 ? member.Name : $"{Path}.{member.Name}"));
    }

    /// <summary>The items of an array; none where it is not there.</summary>
    public IEnumerable<JsonInput> Items(string expected = "an array")
    {
        if (!HasValue)
            yield break;
        int index = 0;
        foreach (JsonElement item in Expect(JsonValueKind.Array, expected).EnumerateArray())
            yield return new JsonInput(item, $"{Path}[{(index++).ToString(CultureInfo.InvariantCulture)}]");
    }

    /// <summary>How many items an array has.</summary>
    public int Count => IsArray ? element.GetArrayLength() : 0;

    public JsonInput Required(string expected) => HasValue ? this : throw Fail($"is missing; expected {expected}");

    public JsonInput ExpectObject(string expected = "an object")
    {
        _ = Expect(JsonValueKind.Object, expected);
        return this;
    }

    public string AsText(string expected = "a text") => Expect(JsonValueKind.String, expected).GetString()!;

    public string? AsOptionalText(string expected = "a text") => HasValue ? AsText(expected) : null;

    public bool? AsOptionalBoolean() => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ when !HasValue => null,
        _ => throw Fail("expected true or false"),
    };

    /// <summary>A whole number; also one that is written 16.0.</summary>
    public long? AsOptionalInteger(long least = long.MinValue, long most = long.MaxValue)
    {
        if (!HasValue)
            return null;
        string expected = (least, most) switch
        {
            (long.MinValue, long.MaxValue) => "expected a whole number",
            (_, long.MaxValue or int.MaxValue) => $"expected a whole number, at least {least}",
            _ => $"expected a whole number from {least} to {most}",
        };
        if (!IsNumber)
            throw Fail(expected);
        if (!element.TryGetInt64(out long value))
        {
            double real = element.GetDouble();
            if (real != Math.Floor(real) || Math.Abs(real) >= 1L << 53)
                throw Fail(expected);
            value = (long)real;
        }

        return value >= least && value <= most ? value : throw Fail(expected);
    }

    public int? AsOptionalInt32(int least = int.MinValue, int most = int.MaxValue) => (int?)AsOptionalInteger(least, most);

    /// <summary>A number within bounds.</summary>
    public double? AsOptionalNumber(double least, double most)
    {
        if (!HasValue)
            return null;
        return IsNumber && element.TryGetDouble(out double value) && value >= least && value <= most
            ? value
            : throw Fail(string.Create(CultureInfo.InvariantCulture, $"expected a number from {least} to {most}"));
    }

    /// <summary>The error that says what is wrong with this value.</summary>
    public ApiException Fail(string problem, string? code = null) =>
        ApiException.BadRequest(Path.Length == 0 ? $"the body {problem}" : $"{Path}: {problem}", Path.Length == 0 ? null : Path, code);

    private JsonElement Expect(JsonValueKind kind, string expected) => element.ValueKind == kind
        ? element
        : throw Fail(HasValue ? $"expected {expected}" : $"is missing; expected {expected}");
}
