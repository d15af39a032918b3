using System.Globalization;
using System.Text;
using System.Text.Json;
using MoA.Engine;

namespace MoA.Serving.Structured.Schemas;

/// <summary>A JSON schema's text: its places, by number, and what references point to.</summary>
internal sealed class SchemaDocument : IDisposable
{
    private const int MostCharacters = 1 << 20;
    private const int DeepestText = 200;

    private readonly JsonDocument _document;
    private readonly Dictionary<string, SchemaPlace> _byPath = [];
    private readonly Dictionary<string, Dictionary<string, JsonElement>> _members = [];

    private SchemaDocument(JsonDocument document)
    {
        _document = document;
        Root = PlaceOf("#", document.RootElement);
    }

    /// <summary>The whole schema.</summary>
    public SchemaPlace Root { get; }

    /// <summary>Reads a schema.</summary>
    /// <exception cref="InvalidInputException">It is no JSON, or too long.</exception>
    public static SchemaDocument Parse(string text)
    {
        if (text.Length > MostCharacters)
            throw new InvalidInputException($"schema: {text.Length} characters, more than {MostCharacters}");
        try
        {
            byte[] bytes = new UTF8Encoding(false, throwOnInvalidBytes: true).GetBytes(text);
            JsonDocument document = JsonDocument.Parse(bytes, new JsonDocumentOptions { MaxDepth = DeepestText, AllowDuplicateProperties = false });
            CheckStrings(bytes);
            return new(document);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new InvalidInputException($"schema: no JSON that can be read: {SchemaPlace.Shorten(e.Message)}", e);
        }
    }

    /// <summary>The place below another one.</summary>
    public SchemaPlace Child(SchemaPlace place, string word, JsonElement schema) => PlaceOf($"{place.Path}/{Escape(word)}", schema);

    /// <summary>The place in a list or object that stands below another one.</summary>
    public SchemaPlace Child(SchemaPlace place, string word, string name, JsonElement schema) =>
        PlaceOf($"{place.Path}/{word}/{Escape(name)}", schema);

    /// <summary>The place that a <c>$ref</c> points to.</summary>
    /// <exception cref="InvalidInputException">It is not in this schema.</exception>
    public SchemaPlace Resolve(SchemaPlace from, string reference)
    {
        if (reference != "#" && !reference.StartsWith("#/", StringComparison.Ordinal))
            throw from.Refuse($"$ref '{SchemaPlace.Shorten(reference)}': only references within the schema, such as #/$defs/name, are supported");
        JsonElement at = _document.RootElement;
        StringBuilder path = new("#");
        foreach (string part in reference.Split('/').Skip(1))
        {
            string name = Uri.UnescapeDataString(part).Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (!MembersOf(path.ToString(), at).TryGetValue(name, out at))
                throw from.Refuse($"$ref '{SchemaPlace.Shorten(reference)}' points to nothing");
            _ = path.Append('/').Append(Escape(name));
        }

        return PlaceOf(path.ToString(), at);
    }

    public void Dispose() => _document.Dispose();

    // Looked up once for all references that go through it.
    private Dictionary<string, JsonElement> MembersOf(string path, JsonElement container)
    {
        if (!_members.TryGetValue(path, out Dictionary<string, JsonElement>? members))
        {
            _members[path] = members = container.ValueKind switch
            {
                JsonValueKind.Object => container.EnumerateObject().ToDictionary(member => member.Name, member => member.Value),
                JsonValueKind.Array => container.EnumerateArray().Index().ToDictionary(
                    item => item.Index.ToString(CultureInfo.InvariantCulture), item => item.Item),
                _ => [],
            };
        }

        return members;
    }

    // Throws where half of a character stands alone, which would be found only when the string is asked for.
    private static void CheckStrings(byte[] bytes)
    {
        Utf8JsonReader reader = new(bytes, new JsonReaderOptions { MaxDepth = DeepestText });
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                _ = reader.GetString();
        }
    }

    private SchemaPlace PlaceOf(string path, JsonElement schema)
    {
        if (_byPath.TryGetValue(path, out SchemaPlace? known))
            return known;
        SchemaPlace place = new(_byPath.Count, path, schema);
        if (schema.ValueKind is not (JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False))
            throw place.Refuse("expected a schema: an object, true or false");
        return _byPath[path] = place;
    }

    private static string Escape(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
