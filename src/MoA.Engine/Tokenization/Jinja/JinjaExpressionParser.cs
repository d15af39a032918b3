namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Reads expressions, with the precedence of Jinja.</summary>
internal sealed partial class JinjaExpressionParser(JinjaTokenReader reader)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>The names of variables read so far, in order.</summary>
    public List<string> NamesRead { get; } = [];

    /// <summary>An expression, with <c>a if b else c</c>.</summary>
    public JinjaExpression Parse() => reader.Nested(ParseConditional);

    /// <summary>An expression or a tuple without a trailing <c>if</c>, for the sequence of a <c>for</c>.</summary>
    public JinjaExpression ParseSequence()
    {
        int line = reader.Line;
        JinjaExpression first = reader.Nested(ParseOr);
        if (!reader.IsOperator(","))
            return first;
        var items = new List<JinjaExpression> { first };
        while (reader.TryTakeOperator(",") && !EndsTuple() && !reader.IsName("recursive") && !reader.IsName("if"))
            items.Add(reader.Nested(ParseOr));
        return new ListExpression(items, IsTuple: true, line);
    }

    /// <summary>What is assigned to: a name, an attribute of a namespace, or several of these, in parentheses or not.</summary>
    public JinjaExpression ParseTarget(bool withAttributes)
    {
        int line = reader.Line;
        JinjaExpression first = reader.Nested(() => ParseTargetPart(withAttributes));
        if (!reader.IsOperator(","))
            return first;
        var parts = new List<JinjaExpression> { first };
        while (reader.TryTakeOperator(",") && !EndsTuple() && !reader.IsName("in") && !reader.IsOperator("="))
            parts.Add(reader.Nested(() => ParseTargetPart(withAttributes)));
        return new ListExpression(parts, IsTuple: true, line);
    }

    private JinjaExpression ParseTargetPart(bool withAttributes)
    {
        int line = reader.Line;
        if (reader.TryTakeOperator("("))
        {
            JinjaExpression parts = ParseTarget(withAttributes);
            reader.ExpectOperator(")");
            return parts;
        }

        string name = reader.TakeName();
        if (name.ToLowerInvariant() is "true" or "false" or "none")
            throw JinjaError.At(line, $"cannot assign to '{name}'");
        var variable = new NameExpression(name, line);
        return withAttributes && reader.TryTakeOperator(".") ? new AttributeExpression(variable, reader.TakeName(), line) : variable;
    }

    private bool EndsTuple() => reader.Current.Kind == JinjaTokenKind.TagEnd || reader.IsOperator(")");

    /// <summary>One expression, or several with commas between them as a tuple.</summary>
    public JinjaExpression ParseTuple()
    {
        int line = reader.Line;
        JinjaExpression first = Parse();
        if (!reader.IsOperator(","))
            return first;
        var items = new List<JinjaExpression> { first };
        while (reader.TryTakeOperator(",") && !EndsTuple())
            items.Add(Parse());
        return new ListExpression(items, IsTuple: true, line);
    }

    private JinjaExpression ParseConditional()
    {
        int line = reader.Line;
        JinjaExpression value = ParseOr();
        while (reader.TryTakeName("if"))
        {
            JinjaExpression condition = ParseOr();
            JinjaExpression? otherwise = reader.TryTakeName("else") ? Parse() : null;
            value = new ConditionalExpression(value, condition, otherwise, line);
        }

        return value;
    }

    private JinjaExpression ParseOr() => ParseNamedOperators("or", ParseAnd);

    private JinjaExpression ParseAnd() => ParseNamedOperators("and", ParseNot);

    private JinjaExpression ParseNamedOperators(string name, Func<JinjaExpression> operand)
    {
        int line = reader.Line;
        JinjaExpression left = operand();
        while (reader.TryTakeName(name))
            left = new BinaryExpression(name, left, operand(), line);
        return left;
    }

    private JinjaExpression ParseNot()
    {
        int line = reader.Line;
        return reader.TryTakeName("not")
            ? new UnaryExpression("not", reader.Nested(ParseNot), line)
            : ParseComparison();
    }

    private JinjaExpression ParseComparison()
    {
        int line = reader.Line;
        JinjaExpression first = ParseSum();
        var rest = new List<(string, JinjaExpression)>();
        while (TryTakeComparison() is { } comparison)
            rest.Add((comparison, ParseSum()));
        return rest.Count == 0 ? first : new ComparisonExpression(first, rest, line);
    }

    private string? TryTakeComparison()
    {
        if (Array.Find(Comparisons, reader.IsOperator) is { } symbol)
        {
            reader.Take();
            return symbol;
        }

        if (reader.TryTakeName("in"))
            return "in";
        if (!reader.IsName("not") || reader.Following is not { Kind: JinjaTokenKind.Name, Text: "in" })
            return null;
        reader.Take();
        reader.Take();
        return "not in";
    }

    private JinjaExpression ParseSum() => ParseOperators(["+", "-"], ParseJoin);

    private JinjaExpression ParseJoin() => ParseOperators(["~"], ParseProduct);

    private JinjaExpression ParseProduct() => ParseOperators(["*", "/", "//", "%"], ParsePower);

    private JinjaExpression ParsePower() => ParseOperators(["**"], () => ParseUnary(withFilters: true));

    private JinjaExpression ParseOperators(string[] symbols, Func<JinjaExpression> operand)
    {
        int line = reader.Line;
        JinjaExpression left = operand();
        while (Array.Find(symbols, reader.IsOperator) is { } symbol)
        {
            reader.Take();
            left = new BinaryExpression(symbol, left, operand(), line);
        }

        return left;
    }

    private JinjaExpression ParseUnary(bool withFilters)
    {
        int line = reader.Line;
        JinjaExpression value = reader.IsOperator("-") || reader.IsOperator("+")
            ? new UnaryExpression(reader.Take().Text, reader.Nested(() => ParseUnary(withFilters: false)), line)
            : ParsePostfix(ParsePrimary());
        return withFilters ? ParseFilters(value) : value;
    }
}
