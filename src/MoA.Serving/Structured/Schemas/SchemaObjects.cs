using System.Globalization;
using System.Text.Json;

namespace MoA.Serving.Structured.Schemas;

/// <summary>What the schemas of a branch say of the parts of objects and lists.</summary>
internal static class SchemaObjects
{
    /// <summary>Names of the properties that are described or required, in order.</summary>
    public static List<string> Names(SchemaBranch branch) =>
        [.. branch.Places.SelectMany(place => place.Properties.Keys).Concat(branch.Required).Distinct()];

    /// <summary>The schemas of a property.</summary>
    public static List<SchemaPlace> Property(SchemaDocument document, SchemaBranch branch, string name)
    {
        List<SchemaPlace> goal = [];
        foreach (SchemaPlace place in branch.Places)
        {
            if (place.Properties.TryGetValue(name, out JsonElement schema))
                goal.Add(document.Child(place, "properties", name, schema));
            else if (place["additionalProperties"] is JsonElement additional)
                goal.Add(document.Child(place, "additionalProperties", additional));
        }

        return goal;
    }

    /// <summary>The schemas of properties that are not described.</summary>
    public static List<SchemaPlace> Additional(SchemaDocument document, SchemaBranch branch) =>
        [.. branch.Places.Where(place => place["additionalProperties"] is not null)
            .Select(place => document.Child(place, "additionalProperties", place["additionalProperties"]!.Value))];

    /// <summary>How many first items are described.</summary>
    public static int FirstItems(SchemaBranch branch) => branch.Places.Select(place => place.FirstItems.Count).Append(0).Max();

    /// <summary>The schemas of an item; those of items behind all that are described for the number of these.</summary>
    public static List<SchemaPlace> Item(SchemaDocument document, SchemaBranch branch, int index)
    {
        List<SchemaPlace> goal = [];
        foreach (SchemaPlace place in branch.Places)
        {
            if (index < place.FirstItems.Count)
                goal.Add(document.Child(place, "prefixItems", index.ToString(CultureInfo.InvariantCulture), place.FirstItems[index]));
            else if (place["items"] is JsonElement items)
                goal.Add(document.Child(place, "items", items));
        }

        return goal;
    }
}
