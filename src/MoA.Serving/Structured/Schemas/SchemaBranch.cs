using System.Text.Json;

namespace MoA.Serving.Structured.Schemas;

/// <summary>Schemas that hold together; the alternatives and references in them are chosen and followed already.</summary>
internal sealed class SchemaBranch
{
    /// <summary>A branch of some schemas.</summary>
    public SchemaBranch(IReadOnlyList<SchemaPlace> places)
    {
        Places = places;
        Valid = places.Aggregate(JsonKinds.Every, (kinds, place) => kinds & SchemaWords.TypesOf(place));
        JsonKinds spoken = places.Aggregate(JsonKinds.None, (kinds, place) => kinds | SchemaWords.KindsOf(place));
        bool typed = places.Any(place => place["type"] is not null);
        Written = typed || spoken == JsonKinds.None ? Valid : spoken;
        Values = FindValues();
    }

    /// <summary>The schemas.</summary>
    public IReadOnlyList<SchemaPlace> Places { get; }

    /// <summary>Kinds of values that may be valid.</summary>
    public JsonKinds Valid { get; }

    /// <summary>Kinds of values that are written: where no type is named, those that the other words speak of.</summary>
    public JsonKinds Written { get; }

    /// <summary>The only values that can be valid; null: <c>enum</c> and <c>const</c> do not say.</summary>
    public IReadOnlyList<JsonElement>? Values { get; }

    /// <summary>The largest of what a word says in the schemas.</summary>
    public int Largest(string word) => Places.Max(place => place.Count(word)) ?? 0;

    /// <summary>The smallest of what a word says in the schemas; null if none says it.</summary>
    public int? Smallest(string word) => Places.Min(place => place.Count(word));

    /// <summary>The numbers between the bounds.</summary>
    public NumberRange Range => Places.Aggregate(default(NumberRange), static (range, place) => range
        .Intersect(new(place.NumberOf("minimum"), false, place.NumberOf("maximum"), false))
        .Intersect(new(place.NumberOf("exclusiveMinimum"), true, place.NumberOf("exclusiveMaximum"), true)));

    /// <summary>The names that <c>required</c> lists, in order.</summary>
    public IReadOnlyList<string> Required => [.. Places.SelectMany(RequiredBy).Distinct()];

    private static IEnumerable<string> RequiredBy(SchemaPlace place)
    {
        if (place["required"] is not JsonElement names)
            return [];
        return names.ValueKind == JsonValueKind.Array
            ? names.EnumerateArray().Select(name => place.Text("required", name))
            : throw place.Refuse("required: expected a list of names");
    }

    private List<JsonElement>? FindValues()
    {
        List<JsonElement>? values = null;
        foreach (SchemaPlace place in Places)
        {
            if (place["const"] is JsonElement constant)
                values = Common(values, [constant]);
            if (place["enum"] is not JsonElement list)
                continue;
            if (list.ValueKind != JsonValueKind.Array)
                throw place.Refuse("enum: expected a list of values");
            values = Common(values, [.. list.EnumerateArray()]);
        }

        return values?.FindAll(value => (SchemaWords.KindOf(value) & Valid) != 0);
    }

    private static List<JsonElement> Common(List<JsonElement>? one, List<JsonElement> other) =>
        one?.FindAll(value => other.Exists(same => JsonElement.DeepEquals(value, same))) ?? other;
}
