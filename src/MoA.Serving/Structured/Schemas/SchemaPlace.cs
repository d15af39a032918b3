using System.Text.Json;
using MoA.Engine;

namespace MoA.Serving.Structured.Schemas;

/// <summary>A schema within a schema.</summary>
/// <param name="number">Its number in the document.</param>
/// <param name="path">Where it stands, as a JSON pointer.</param>
/// <param name="schema">An object, or true or false.</param>
internal sealed class SchemaPlace(int number, string path, JsonElement schema)
{
    private const int LongestQuote = 80;

    private Dictionary<string, JsonElement>? _properties;
    private List<JsonElement>? _firstItems;

    public int Number => number;

    public string Path => path;

    public JsonElement Schema => schema;

    /// <summary>The schemas of <c>properties</c>, in order.</summary>
    public IReadOnlyDictionary<string, JsonElement> Properties => _properties ??= ReadProperties();

    /// <summary>The schemas of <c>prefixItems</c>.</summary>
    public IReadOnlyList<JsonElement> FirstItems => _firstItems ??= ReadFirstItems();

    /// <summary>The value of a word, if it is there.</summary>
    public JsonElement? this[string word] =>
        Schema.ValueKind == JsonValueKind.Object && Schema.TryGetProperty(word, out JsonElement value) ? value : null;

    /// <summary>A word that is a whole number from 0 on, if it is there.</summary>
    public int? Count(string word)
    {
        if (this[word] is not JsonElement value)
            return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= 0 && number == Math.Floor(number)
            ? (int)Math.Min(number, int.MaxValue)
            : throw Refuse($"{word}: expected a whole number from 0 on");
    }

    /// <summary>A word that is a number, if it is there.</summary>
    public Decimals? NumberOf(string word)
    {
        if (this[word] is not JsonElement value)
            return null;
        return value.ValueKind == JsonValueKind.Number && Decimals.TryParse(value.GetRawText(), out Decimals number)
            ? number
            : throw Refuse($"{word}: expected a number of up to {Decimals.MostDigits} digits before and behind the point");
    }

    /// <summary>A text.</summary>
    public string Text(string word, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Refuse($"{word}: expected a string");

    /// <summary>What is wrong with it, in one line.</summary>
    public InvalidInputException Refuse(string why) => new($"schema {Shorten(Path)}: {why}");

    /// <summary>A text of a schema as a message may hold it.</summary>
    public static string Shorten(string text)
    {
        string line = string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));
        return line.Length <= LongestQuote ? line : line[..LongestQuote] + "…";
    }

    private Dictionary<string, JsonElement> ReadProperties()
    {
        if (this["properties"] is not JsonElement properties)
            return [];
        return properties.ValueKind == JsonValueKind.Object
            ? properties.EnumerateObject().ToDictionary(property => property.Name, property => property.Value)
            : throw Refuse("properties: expected an object of schemas");
    }

    private List<JsonElement> ReadFirstItems()
    {
        if (this["prefixItems"] is not JsonElement first)
            return [];
        return first.ValueKind == JsonValueKind.Array ? [.. first.EnumerateArray()] : throw Refuse("prefixItems: expected a list of schemas");
    }
}
