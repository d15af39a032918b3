using System.Text.Json;

namespace MoA.Serving.Structured.Schemas;

/// <summary>Whether two schemas can share a value.</summary>
internal sealed class SchemaOverlap(SchemaDocument document, SchemaExpansion expansion, CompileBudget budget)
{
    private const int DeepestComparison = 4;

    /// <summary>Whether nothing that is written for one satisfies the other.</summary>
    public bool AreDisjoint(IReadOnlyList<SchemaBranch> one, IReadOnlyList<SchemaBranch> other) => AreDisjoint(one, other, 0);

    private bool AreDisjoint(IReadOnlyList<SchemaBranch> one, IReadOnlyList<SchemaBranch> other, int depth) =>
        one.All(first => other.All(second => AreDisjoint(first, second, depth)));

    private bool AreDisjoint(SchemaBranch one, SchemaBranch other, int depth)
    {
        budget.Spend(50 + one.Places.Count + other.Places.Count);
        if (one.Values is not null || other.Values is not null)
            return HaveNoValue(one, other);
        JsonKinds kinds = (one.Written & other.Valid) | (one.Valid & other.Written);
        if ((kinds & JsonKinds.Number) != 0 && one.Range.IsDisjoint(other.Range))
            kinds &= ~JsonKinds.Number;
        if (AreApart(one, other, "minLength", "maxLength"))
            kinds &= ~JsonKinds.String;
        if (AreApart(one, other, "minItems", "maxItems"))
            kinds &= ~JsonKinds.Array;
        if ((kinds & JsonKinds.Object) != 0 && (Misses(one, other, depth) || Misses(other, one, depth)))
            kinds &= ~JsonKinds.Object;
        return kinds == JsonKinds.None;
    }

    // Values of constants are compared with each other, or else by their kinds alone.
    private static bool HaveNoValue(SchemaBranch one, SchemaBranch other) => (one.Values, other.Values) switch
    {
        (not null, not null) => one.Values.All(value => !other.Values.Any(same => JsonElement.DeepEquals(value, same))),
        (not null, null) => one.Values.All(value => (SchemaWords.KindOf(value) & other.Valid) == 0),
        _ => other.Values!.All(value => (SchemaWords.KindOf(value) & one.Valid) == 0),
    };

    private static bool AreApart(SchemaBranch one, SchemaBranch other, string least, string most) =>
        one.Largest(least) > other.Smallest(most) || other.Largest(least) > one.Smallest(most);

    // Whether one requires a property that no object of the other can have like that.
    private bool Misses(SchemaBranch one, SchemaBranch other, int depth)
    {
        if (depth == DeepestComparison)
            return false;
        foreach (string name in one.Required)
        {
            List<SchemaBranch> theirs = expansion.Expand(SchemaObjects.Property(document, other, name));
            if (theirs.Count == 0 ||
                (other.Required.Contains(name) && AreDisjoint(expansion.Expand(SchemaObjects.Property(document, one, name)), theirs, depth + 1)))
            {
                return true;
            }
        }

        return false;
    }
}
