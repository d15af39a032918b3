using System.Globalization;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Reads expressions, with the precedence of Jinja.</summary>
internal sealed class JinjaExpressionParser(JinjaTokenReader reader)
{
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>An expression, with <c>a if b else c</c>.</summary>
    public JinjaExpression Parse() => reader.Nested(ParseConditional);

    /// <summary>An expression without a trailing <c>if</c>, for the sequence of a <c>for</c>.</summary>
    public JinjaExpression ParseWithoutCondition() => reader.Nested(ParseOr);

    /// <summary>One expression, or several with commas between them as a tuple.</summary>
    public JinjaExpression ParseTuple()
    {
        int line = reader.Line;
        JinjaExpression first = Parse();
        if (!reader.IsOperator(","))
            return first;
        var items = new List<JinjaExpression> { first };
        while (reader.TryTakeOperator(",") && reader.Current.Kind != JinjaTokenKind.TagEnd && !reader.IsOperator(")"))
            items.Add(Parse());
        return new ListExpression(items, line);
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

    private JinjaExpression ParsePrimary()
    {
        JinjaToken token = reader.Take();
        switch (token.Kind)
        {
            case JinjaTokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new LiteralExpression(true, token.Line),
                    "false" or "False" => new LiteralExpression(false, token.Line),
                    "none" or "None" => new LiteralExpression(null, token.Line),
                    _ => new NameExpression(token.Text, token.Line),
                };
            case JinjaTokenKind.String:
                string text = token.Text;
                while (reader.Current.Kind == JinjaTokenKind.String)
                    text += reader.Take().Text;
                return new LiteralExpression(text, token.Line);
            case JinjaTokenKind.Integer or JinjaTokenKind.Float:
                return new LiteralExpression(ReadNumber(token), token.Line);
            case JinjaTokenKind.Operator when token.Text == "(":
                return ParseParenthesis(token.Line);
            case JinjaTokenKind.Operator when token.Text == "[":
                return new ListExpression(ParseItems("]"), token.Line);
            case JinjaTokenKind.Operator when token.Text == "{":
                return ParseMap(token.Line);
            default:
                throw JinjaError.At(token.Line, $"expected a value, found '{token.Text}'");
        }
    }

    private static object ReadNumber(JinjaToken token)
    {
        string digits = token.Text.Replace("_", "", StringComparison.Ordinal);
        if (token.Kind == JinjaTokenKind.Float)
            return double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture);
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value
            : throw JinjaError.At(token.Line, $"the number {digits} is too large");
    }

    private JinjaExpression ParseParenthesis(int line)
    {
        if (reader.TryTakeOperator(")"))
            return new ListExpression([], line);
        JinjaExpression inner = ParseTuple();
        reader.ExpectOperator(")");
        return inner;
    }

    private List<JinjaExpression> ParseItems(string close)
    {
        var items = new List<JinjaExpression>();
        while (!reader.TryTakeOperator(close))
        {
            if (items.Count > 0)
                reader.ExpectOperator(",");
            if (reader.TryTakeOperator(close))
                break;
            items.Add(Parse());
        }

        return items;
    }

    private MapExpression ParseMap(int line)
    {
        var entries = new List<(JinjaExpression, JinjaExpression)>();
        while (!reader.TryTakeOperator("}"))
        {
            if (entries.Count > 0)
                reader.ExpectOperator(",");
            if (reader.TryTakeOperator("}"))
                break;
            JinjaExpression key = Parse();
            reader.ExpectOperator(":");
            entries.Add((key, Parse()));
        }

        return new MapExpression(entries, line);
    }

    private JinjaExpression ParsePostfix(JinjaExpression target)
    {
        while (true)
        {
            int line = reader.Line;
            if (reader.TryTakeOperator("."))
            {
                target = reader.Current.Kind == JinjaTokenKind.Integer
                    ? new ItemExpression(target, new LiteralExpression(ReadNumber(reader.Take()), line), line)
                    : new AttributeExpression(target, reader.TakeName(), line);
            }
            else if (reader.TryTakeOperator("["))
            {
                target = ParseSubscript(target, line);
            }
            else if (reader.TryTakeOperator("("))
            {
                target = new CallExpression(target, ParseArguments(), line);
            }
            else
            {
                return target;
            }
        }
    }

    private JinjaExpression ParseSubscript(JinjaExpression target, int line)
    {
        var parts = new JinjaExpression?[3];
        int part = 0;
        while (!reader.TryTakeOperator("]"))
        {
            if (reader.TryTakeOperator(":"))
            {
                if (++part == parts.Length)
                    throw JinjaError.At(line, "a slice has at most three parts");
            }
            else if (parts[part] is null)
            {
                parts[part] = Parse();
            }
            else
            {
                throw reader.Unexpected("']'");
            }
        }

        if (part > 0)
            return new SliceExpression(target, parts[0], parts[1], parts[2], line);
        return new ItemExpression(target, parts[0] ?? throw JinjaError.At(line, "an index is missing"), line);
    }

    /// <summary>Arguments up to the closing parenthesis; the opening one is taken.</summary>
    private ArgumentExpressions ParseArguments()
    {
        var positional = new List<JinjaExpression>();
        var named = new List<(string, JinjaExpression)>();
        while (!reader.TryTakeOperator(")"))
        {
            if (positional.Count + named.Count > 0)
                reader.ExpectOperator(",");
            if (reader.TryTakeOperator(")"))
                break;
            if (reader.IsOperator("*") || reader.IsOperator("**"))
                throw JinjaError.At(reader.Line, "unpacked arguments are not supported");
            if (reader.Current.Kind == JinjaTokenKind.Name && reader.Following is { Kind: JinjaTokenKind.Operator, Text: "=" })
            {
                string name = reader.TakeName();
                reader.ExpectOperator("=");
                named.Add((name, Parse()));
            }
            else
            {
                positional.Add(Parse());
            }
        }

        return new(positional, named);
    }

    private JinjaExpression ParseFilters(JinjaExpression target)
    {
        while (true)
        {
            int line = reader.Line;
            if (reader.TryTakeOperator("|"))
            {
                string name = reader.TakeName();
                ArgumentExpressions arguments = reader.TryTakeOperator("(") ? ParseArguments() : ArgumentExpressions.None;
                target = new FilterExpression(target, name, arguments, line);
            }
            else if (reader.TryTakeName("is"))
            {
                target = ParseTest(target, line);
            }
            else if (reader.TryTakeOperator("("))
            {
                target = new CallExpression(target, ParseArguments(), line);
            }
            else
            {
                return target;
            }
        }
    }

    private TestExpression ParseTest(JinjaExpression target, int line)
    {
        bool negated = reader.TryTakeName("not");
        string name = reader.TakeName();
        ArgumentExpressions arguments = ArgumentExpressions.None;
        if (reader.TryTakeOperator("("))
            arguments = ParseArguments();
        else if (StartsTestArgument())
            arguments = new([ParsePostfix(ParsePrimary())], []);
        return new(target, name, arguments, negated, line);
    }

    private bool StartsTestArgument() => reader.Current.Kind switch
    {
        JinjaTokenKind.String or JinjaTokenKind.Integer or JinjaTokenKind.Float => true,
        JinjaTokenKind.Name => reader.Current.Text is not ("else" or "or" or "and" or "is" or "if" or "in" or "not"),
        JinjaTokenKind.Operator => reader.Current.Text is "[" or "{",
        _ => false,
    };
}
