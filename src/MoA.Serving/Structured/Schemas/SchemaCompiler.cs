using System.Numerics;
using System.Text.Json;
using MoA.Engine;
using MoA.Serving.Structured.Automata;
using MoA.Serving.Structured.Parts;

namespace MoA.Serving.Structured.Schemas;

/// <summary>
/// Turns a JSON schema into parts of a grammar: what they write satisfies it, whatever of it they leave out. Schemas that hold together are
/// one goal; each goal is compiled once, so that schemas may refer to themselves.
/// </summary>
internal sealed class SchemaCompiler
{
    private const int MostDivisor = 10_000;

    private readonly SchemaDocument _document;
    private readonly SchemaExpansion _expansion;
    private readonly CompileBudget _budget;
    private readonly List<Part> _parts = [];
    private readonly Dictionary<string, DeferredPart> _known = [];
    private readonly Dictionary<string, TableTerminal?> _patterns = [];
    private readonly Queue<(IReadOnlyList<SchemaPlace> Goal, DeferredPart Part)> _open = new();

    private SchemaCompiler(SchemaDocument document, CompileBudget budget)
    {
        (_document, _budget) = (document, budget);
        _expansion = new SchemaExpansion(document, budget);
    }

    /// <summary>Compiles a schema.</summary>
    /// <param name="schema">Its text.</param>
    /// <param name="parts">Takes the parts, those that others hold first as far as that can be, for <see cref="Part.FindDepths"/>.</param>
    /// <param name="budget">Counts the work.</param>
    /// <exception cref="InvalidInputException">It is malformed, says something that is not supported, or takes too much to compile.</exception>
    public static Part Compile(string schema, List<Part> parts, CompileBudget budget)
    {
        using SchemaDocument document = SchemaDocument.Parse(schema);
        SchemaCompiler compiler = new(document, budget);
        DeferredPart root = compiler.PartOf([document.Root]);
        Stack<List<Part>> goals = new();
        while (compiler._open.TryDequeue(out (IReadOnlyList<SchemaPlace> Goal, DeferredPart Part) next))
        {
            next.Part.Target = compiler.CompileGoal(next.Goal);
            goals.Push([.. compiler._parts, next.Part]);
            compiler._parts.Clear();
            compiler._expansion.CheckAlternatives();
        }

        foreach (List<Part> goal in goals)
            parts.AddRange(goal);
        return root;
    }

    private DeferredPart PartOf(IReadOnlyList<SchemaPlace> goal)
    {
        string key = string.Join(',', goal.Select(place => place.Number).Order());
        if (_known.TryGetValue(key, out DeferredPart? known))
            return known;
        _budget.Spend(500);
        _budget.Keep(100);
        DeferredPart part = _known[key] = new DeferredPart();
        _open.Enqueue((goal, part));
        return part;
    }

    private T Keep<T>(T part)
        where T : Part
    {
        _budget.Keep(100);
        _parts.Add(part);
        return part;
    }

    private ChoicePart CompileGoal(IReadOnlyList<SchemaPlace> goal)
    {
        List<Part> options = [];
        foreach (SchemaBranch branch in _expansion.Expand(goal))
        {
            _budget.At = branch.Places.Count == 0 ? "schema" : $"schema {SchemaPlace.Shorten(branch.Places[0].Path)}";
            options.AddRange(CompileBranch(branch));
        }

        return Keep(new ChoicePart(options));
    }

    private List<Part> CompileBranch(SchemaBranch branch)
    {
        if (branch.Values is not null)
            return [Keep(new TerminalPart(SchemaValues.Compile(branch, kind => TerminalOf(branch, kind), _budget)))];
        List<Part> parts = [];
        foreach (JsonKinds kind in (ReadOnlySpan<JsonKinds>)[JsonKinds.Null, JsonKinds.Boolean, JsonKinds.Fraction, JsonKinds.Integer, JsonKinds.String])
        {
            // Numbers that need not be whole may be.
            if ((branch.Written & kind) != 0 && !(kind == JsonKinds.Integer && branch.Written.HasFlag(JsonKinds.Number)))
                parts.Add(Keep(new TerminalPart(TerminalOf(branch, kind))));
        }

        if (branch.Written.HasFlag(JsonKinds.Array) && CompileArray(branch) is ArrayPart array)
            parts.Add(Keep(array));
        if (branch.Written.HasFlag(JsonKinds.Object))
            parts.Add(Keep(CompileObject(branch)));
        return parts;
    }

    private Terminal? TerminalOf(SchemaBranch branch, JsonKinds kind) => kind switch
    {
        JsonKinds.Null => JsonTerminals.Null,
        JsonKinds.Boolean => JsonTerminals.Boolean,
        JsonKinds.String => StringOf(branch),
        _ => NumberOf(branch, whole: kind == JsonKinds.Integer),
    };

    private Terminal? NumberOf(SchemaBranch branch, bool whole)
    {
        NumberRange range = branch.Range;
        int[] divisors = [.. branch.Places.Where(place => place["multipleOf"] is not null).Select(DivisorOf)];
        if (!whole && divisors.Length == 0)
            return range.IsBounded ? range.Numbers(_budget) : JsonTerminals.Number;
        TableTerminal? terminal = range.Integers(_budget);
        foreach (int divisor in divisors)
            terminal = terminal is null ? null : TableTerminal.Intersect(terminal, new RemainderTerminal(divisor), _budget);
        return terminal;
    }

    private static int DivisorOf(SchemaPlace place)
    {
        Decimals divisor = place.NumberOf("multipleOf")!.Value;
        return divisor.IsWhole && divisor.Digits > BigInteger.Zero && divisor.Digits <= MostDivisor
            ? (int)divisor.Digits
            : throw place.Refuse($"multipleOf {divisor}: only whole numbers from 1 to {MostDivisor} are supported");
    }

    private Terminal? StringOf(SchemaBranch branch)
    {
        (int least, int? most) = (branch.Largest("minLength"), branch.Smallest("maxLength"));
        if (least > StringTerminal.MostCharacters)
            throw branch.Places[0].Refuse($"minLength {least}: at most {StringTerminal.MostCharacters} is supported");
        if (least > most)
            return null;
        most = most > StringTerminal.MostCharacters ? StringTerminal.MostCharacters : most;
        Terminal? lengths = least == 0 && most is null ? null : new StringTerminal(least, most);
        Terminal? terminal = null;
        foreach (TableTerminal? strings in branch.Places.SelectMany(Strings))
        {
            terminal = strings is null || terminal is null ? strings : TableTerminal.Intersect(strings, terminal, _budget);
            if (terminal is null)
                return null;
        }

        if (terminal is null)
            return lengths ?? JsonTerminals.String;
        return lengths is null ? terminal : TableTerminal.Intersect(terminal, lengths, _budget);
    }

    private IEnumerable<TableTerminal?> Strings(SchemaPlace place)
    {
        if (place["pattern"] is JsonElement pattern)
            yield return StringsOf(place.Text("pattern", pattern), $"schema {SchemaPlace.Shorten(place.Path)}");
        if (place["format"] is not JsonElement format)
            yield break;
        string name = place.Text("format", format);
        yield return StringFormats.Find(name) ?? throw place.Refuse(
            $"format '{SchemaPlace.Shorten(name)}' is not supported; there are {string.Join(", ", StringFormats.Names)}");
    }

    private TableTerminal? StringsOf(string pattern, string what)
    {
        if (!_patterns.TryGetValue(pattern, out TableTerminal? strings))
            _patterns[pattern] = strings = ExpressionAutomaton.OfStrings(ExpressionReader.Read(pattern, what), _budget);
        return strings;
    }

    private ArrayPart? CompileArray(SchemaBranch branch)
    {
        (int least, int? most) = (branch.Largest("minItems"), branch.Smallest("maxItems"));
        if (least > most)
            return null;
        int first = SchemaObjects.FirstItems(branch);
        List<Part> items = [];
        for (int i = 0; i < first; i++)
            items.Add(PartOf(SchemaObjects.Item(_document, branch, i)));

        // Where only the first items are described, no others are written unless they must be.
        List<SchemaPlace> rest = SchemaObjects.Item(_document, branch, int.MaxValue);
        bool hasRest = rest.Count > 0 || first == 0 || least > first;
        return new ArrayPart(items, hasRest ? PartOf(rest) : null, least, most);
    }

    private ObjectPart CompileObject(SchemaBranch branch)
    {
        List<string> names = SchemaObjects.Names(branch);
        HashSet<string> required = [.. branch.Required];
        List<ObjectProperty> properties = names.ConvertAll(name => new ObjectProperty(
            JsonText.Quote(name), PartOf(SchemaObjects.Property(_document, branch, name)), required.Contains(name)));

        // Where properties are described and nothing is said of others, none are written.
        List<SchemaPlace> additional = SchemaObjects.Additional(_document, branch);
        bool hasMore = additional.Count > 0 || names.Count == 0;
        return new ObjectPart(properties, hasMore ? PartOf(additional) : null, _budget);
    }
}
