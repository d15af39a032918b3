namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The tests, <c>value is name arguments</c>, and the comparisons.</summary>
internal static class JinjaTests
{
    private static readonly HashSet<string> WithArgument =
    [
        "divisibleby", "sameas", "in", "==", "eq", "equalto", "!=", "ne", "<", "lt", "lessthan", ">", "gt", "greaterthan", "<=", "le", ">=", "ge",
    ];

    private static readonly HashSet<string> WithoutArgument =
    [
        "defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true", "false", "mapping", "sequence", "iterable",
        "callable", "odd", "even", "lower", "upper", "escaped", "filter", "test",
    ];

    public static bool Exists(string name) => WithArgument.Contains(name) || WithoutArgument.Contains(name);

    public static bool Holds(string name, object? value, JinjaArguments arguments)
    {
        int line = arguments.Line;
        if (!Exists(name))
            throw arguments.Fail($"the test '{name}' is not supported");
        int expected = WithArgument.Contains(name) ? 1 : 0;
        if (arguments.Positional.Count + arguments.Named.Count != expected)
            throw arguments.Fail($"the test '{name}' takes {expected} arguments, found {arguments.Positional.Count + arguments.Named.Count}");
        object? other = expected == 0 ? null : arguments.Positional.Count > 0 ? arguments.Positional[0] : arguments.Named.GetAt(0).Value;
        return name switch
        {
            "defined" => value is not JinjaUndefined,
            "undefined" => value is JinjaUndefined,
            "none" => value is null,
            "string" => value is TracedText,
            "number" => value is long or double or bool,
            "integer" => value is long,
            "float" => value is double,
            "boolean" => value is bool,
            "true" => value is true,
            "false" => value is false,
            "mapping" => value is JinjaMap,
            "sequence" => value is TracedText or JinjaMap or JinjaList { HasPlaces: true } or JinjaUndefined,
            "iterable" => JinjaOperations.IsIterable(value),
            "callable" => value is JinjaFunction or JinjaLoop or JinjaUndefined,
            "escaped" => value is JinjaMarkup,
            "lower" => JinjaTextMethods.IsLower(JinjaPrinter.Print(value, line, arguments.Budget)),
            "upper" => JinjaTextMethods.IsUpper(JinjaPrinter.Print(value, line, arguments.Budget)),
            "odd" => IsRest(value, 2L, 1, arguments),
            "even" => IsRest(value, 2L, 0, arguments),
            "divisibleby" => IsRest(value, other, 0, arguments),
            "filter" => value is TracedText filter && JinjaFilters.Exists(filter.Text),
            "test" => value is TracedText test && Exists(test.Text),
            "sameas" => IsSame(value, other),
            "equalto" or "eq" => Compares("==", value, other, line, arguments.Budget),
            "ne" => Compares("!=", value, other, line, arguments.Budget),
            "lt" or "lessthan" => Compares("<", value, other, line, arguments.Budget),
            "gt" or "greaterthan" => Compares(">", value, other, line, arguments.Budget),
            "le" => Compares("<=", value, other, line, arguments.Budget),
            "ge" => Compares(">=", value, other, line, arguments.Budget),
            _ => Compares(name, value, other, line, arguments.Budget),
        };
    }

    public static bool Compares(string symbol, object? left, object? right, int line, JinjaBudget budget) => symbol switch
    {
        "==" => JinjaOperations.AreEqual(left, right, line, budget) && left is not double.NaN,
        "!=" => !JinjaOperations.AreEqual(left, right, line, budget) || left is double.NaN,
        "in" => JinjaOperations.Contains(right, left, line, budget),
        "not in" => !JinjaOperations.Contains(right, left, line, budget),
        "<" => JinjaOperations.Compare(left, right, line, budget) < 0,
        "<=" => JinjaOperations.Compare(left, right, line, budget) <= 0,
        ">" => JinjaOperations.Compare(left, right, line, budget) > 0,
        _ => JinjaOperations.Compare(left, right, line, budget) >= 0,
    };

    private static bool IsRest(object? value, object? divisor, double rest, JinjaArguments arguments) =>
        JinjaOperations.AsNumber(JinjaArithmetic.Apply("%", value, divisor, arguments.Line, arguments.Budget)) == rest;

    // Python's `is`: small values that Python keeps once, and the same object.
    private static bool IsSame(object? left, object? right) => (left, right) switch
    {
        (bool a, bool b) => a == b,
        (long a, long b) => a == b,
        (double a, double b) => a.Equals(b),
        (TracedText a, TracedText b) => a.Text == b.Text,
        _ => ReferenceEquals(left, right),
    };
}
