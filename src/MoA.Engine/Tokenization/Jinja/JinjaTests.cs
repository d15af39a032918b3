namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The tests, <c>value is name arguments</c>.</summary>
internal static class JinjaTests
{
    public static bool Holds(string name, object? value, IReadOnlyList<object?> arguments, int line)
    {
        return name switch
        {
            "defined" => value is not JinjaUndefined,
            "undefined" => value is JinjaUndefined,
            "none" => value is null,
            "string" => value is string,
            "number" => value is long or double or bool,
            "integer" => value is long,
            "float" => value is double,
            "boolean" => value is bool,
            "true" => value is true,
            "false" => value is false,
            "mapping" => value is JinjaMap,
            "sequence" => value is string or List<object?> or JinjaMap or JinjaUndefined,
            "iterable" => value is string or List<object?> or JinjaMap or JinjaUndefined,
            "callable" => value is JinjaFunction,
            "odd" => JinjaOperations.AsNumber(value) is { } number && Math.Abs(number % 2) == 1,
            "even" => JinjaOperations.AsNumber(value) is { } number && number % 2 == 0,
            "divisibleby" => JinjaOperations.AsNumber(value) % JinjaOperations.AsNumber(Argument()) == 0,
            "equalto" or "eq" or "==" => JinjaOperations.AreEqual(value, Argument()),
            "ne" or "!=" => !JinjaOperations.AreEqual(value, Argument()),
            "lt" or "lessthan" or "<" => JinjaOperations.Compare(value, Argument(), line) < 0,
            "gt" or "greaterthan" or ">" => JinjaOperations.Compare(value, Argument(), line) > 0,
            "le" or "<=" => JinjaOperations.Compare(value, Argument(), line) <= 0,
            "ge" or ">=" => JinjaOperations.Compare(value, Argument(), line) >= 0,
            "in" => JinjaOperations.Contains(Argument(), value, line),
            _ => throw JinjaError.At(line, $"the test '{name}' is not supported"),
        };

        object? Argument() => arguments.Count > 0 ? arguments[0] : throw JinjaError.At(line, $"the test '{name}' needs an argument");
    }
}
