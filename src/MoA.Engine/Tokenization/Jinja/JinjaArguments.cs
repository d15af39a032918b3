namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The arguments of a call, with the line that it stands in and the budget it works on.</summary>
internal sealed class JinjaArguments(
    IReadOnlyList<object?> positional, OrderedDictionary<string, object?> named, int line, JinjaBudget budget)
{
    /// <summary>Stands as default where an argument must be given.</summary>
    public static readonly object Required = new();

    public IReadOnlyList<object?> Positional => positional;

    public OrderedDictionary<string, object?> Named => named;

    public int Line => line;

    public JinjaBudget Budget => budget;

    /// <summary>The same call without its first arguments.</summary>
    public JinjaArguments Skip(int count) => new([.. positional.Skip(count)], named, line, budget);

    /// <summary>The values of parameters, from places, names and defaults.</summary>
    public object?[] Bind(string function, params ReadOnlySpan<(string Name, object? Default)> parameters)
    {
        if (positional.Count > parameters.Length)
            throw Fail($"{function} takes at most {parameters.Length} arguments, found {positional.Count}");
        var values = new object?[parameters.Length];
        int used = 0;
        for (int i = 0; i < values.Length; i++)
        {
            (string name, object? missing) = parameters[i];
            if (named.TryGetValue(name, out object? value))
            {
                used++;
                if (i < positional.Count)
                    throw Fail($"{function} has two values for the argument '{name}'");
            }
            else
            {
                value = i < positional.Count ? positional[i] : missing;
            }

            values[i] = value != Required ? value : throw Fail($"{function}: the argument '{name}' is missing");
        }

        foreach (string name in named.Keys)
        {
            if (used < named.Count && !Knows(parameters, name))
                throw Fail($"{function} has no argument '{name}'");
        }

        return values;
    }

    public InvalidInputException Fail(string what) => JinjaError.At(line, what);

    /// <summary>A whole number, as an argument of something.</summary>
    public long Integer(object? value, string what) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => throw Fail($"{what}: expected a whole number, found {JinjaOperations.KindOf(value)}"),
    };

    /// <summary>A text, as an argument of something.</summary>
    public TracedText Text(object? value, string what) =>
        value as TracedText ?? throw Fail($"{what}: expected a text, found {JinjaOperations.KindOf(value)}");

    private static bool Knows(ReadOnlySpan<(string Name, object? Default)> parameters, string name)
    {
        foreach ((string known, _) in parameters)
        {
            if (known == name)
                return true;
        }

        return false;
    }
}
