using System.Globalization;
using System.Text.Json;

namespace MoA.Serving.Structured.Schemas;

/// <summary>Follows references and multiplies alternatives out, until a schema is a list of branches without either.</summary>
internal sealed class SchemaExpansion(SchemaDocument document, CompileBudget budget)
{
    private const int MostBranches = 512;
    private const int DeepestChain = 200;

    private readonly Dictionary<int, List<SchemaPlace[]>> _known = [];
    private readonly HashSet<int> _open = [];
    private readonly Queue<(SchemaPlace Place, List<List<SchemaPlace[]>> Options)> _alternatives = new();

    /// <summary>The branches of schemas that hold together; none if nothing satisfies them.</summary>
    public List<SchemaBranch> Expand(IReadOnlyList<SchemaPlace> goal)
    {
        List<SchemaPlace[]> branches = [[]];
        foreach (SchemaPlace place in goal)
            branches = Both(place, branches, Expand(place));
        return branches.ConvertAll(places => new SchemaBranch(places));
    }

    private List<SchemaPlace[]> Expand(SchemaPlace place)
    {
        if (_known.TryGetValue(place.Number, out List<SchemaPlace[]>? known))
            return known;
        budget.At = $"schema {SchemaPlace.Shorten(place.Path)}";
        if (place.Schema.ValueKind != JsonValueKind.Object)
            return _known[place.Number] = place.Schema.ValueKind == JsonValueKind.True ? [[]] : [];
        if (!_open.Add(place.Number))
            throw place.Refuse("refers to itself without end");
        if (_open.Count > DeepestChain)
            throw place.Refuse($"references and alternatives within each other are deeper than {DeepestChain}");
        SchemaWords.Check(place);
        List<SchemaPlace[]> branches = [[place]];
        if (place["$ref"] is JsonElement reference)
            branches = Both(place, branches, Expand(document.Resolve(place, place.Text("$ref", reference))));
        foreach (SchemaPlace part in List(place, "allOf"))
            branches = Both(place, branches, Expand(part));
        if (place["anyOf"] is not null)
            branches = Both(place, branches, [.. List(place, "anyOf").SelectMany(Expand)]);
        if (place["oneOf"] is not null)
            branches = Both(place, branches, ExpandOne(place));
        _ = _open.Remove(place.Number);
        return _known[place.Number] = branches;
    }

    /// <summary>Refuses alternatives of which exactly one is to hold, but two may: then it is not enough to write any of them.</summary>
    public void CheckAlternatives()
    {
        SchemaOverlap overlap = new(document, this, budget);
        while (_alternatives.TryDequeue(out (SchemaPlace Place, List<List<SchemaPlace[]>> Options) next))
        {
            List<List<SchemaBranch>> options = next.Options.ConvertAll(option => option.ConvertAll(places => new SchemaBranch(places)));
            for (int one = 0; one < options.Count; one++)
            {
                for (int other = one + 1; other < options.Count; other++)
                {
                    if (!overlap.AreDisjoint(options[one], options[other]))
                        throw next.Place.Refuse($"oneOf: a value might satisfy both {one} and {other}; tell them apart by type or by a required property of different constants, or write anyOf");
                }
            }
        }
    }

    // Looked at later, when nothing is being expanded any more.
    private List<SchemaPlace[]> ExpandOne(SchemaPlace place)
    {
        List<List<SchemaPlace[]>> options = [.. List(place, "oneOf").Select(Expand)];
        _alternatives.Enqueue((place, options));
        return [.. options.SelectMany(option => option)];
    }

    private List<SchemaPlace> List(SchemaPlace place, string word)
    {
        if (place[word] is not JsonElement list)
            return [];
        return list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0
            ? [.. list.EnumerateArray().Select((schema, index) => document.Child(place, word, index.ToString(CultureInfo.InvariantCulture), schema))]
            : throw place.Refuse($"{word}: expected a list of schemas");
    }

    private List<SchemaPlace[]> Both(SchemaPlace place, List<SchemaPlace[]> one, List<SchemaPlace[]> other)
    {
        if ((long)one.Count * other.Count > MostBranches)
            throw place.Refuse($"its alternatives multiply to more than {MostBranches}");
        List<SchemaPlace[]> both = [];
        foreach (SchemaPlace[] first in one)
        {
            foreach (SchemaPlace[] second in other)
            {
                budget.Spend(first.Length + second.Length);
                both.Add([.. first.UnionBy(second, same => same.Number)]);
            }
        }

        return both;
    }
}
