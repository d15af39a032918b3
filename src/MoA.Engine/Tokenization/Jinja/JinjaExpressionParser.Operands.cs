using System.Globalization;

namespace MoA.Engine.Tokenization.Jinja;

/// <content>Values, what follows them (attributes, items, calls), filters and tests.</content>
internal sealed partial class JinjaExpressionParser
{
    private JinjaExpression ParsePrimary()
    {
        JinjaToken token = reader.Take();
        switch (token.Kind)
        {
            case JinjaTokenKind.Name:
                return ReadName(token);
            case JinjaTokenKind.String:
                string text = token.Text;
                while (reader.Current.Kind == JinjaTokenKind.String)
                    text += reader.Take().Text;
                return new LiteralExpression(new TracedText(text), token.Line);
            case JinjaTokenKind.Integer or JinjaTokenKind.Float:
                return new LiteralExpression(ReadNumber(token), token.Line);
            case JinjaTokenKind.Operator when token.Text == "(":
                return ParseParenthesis(token.Line);
            case JinjaTokenKind.Operator when token.Text == "[":
                return new ListExpression(ParseItems("]"), IsTuple: false, token.Line);
            case JinjaTokenKind.Operator when token.Text == "{":
                return ParseMap(token.Line);
            default:
                throw JinjaError.At(token.Line, $"expected a value, found '{token.Text}'");
        }
    }

    private JinjaExpression ReadName(JinjaToken token)
    {
        switch (token.Text)
        {
            case "true" or "True":
                return new LiteralExpression(true, token.Line);
            case "false" or "False":
                return new LiteralExpression(false, token.Line);
            case "none" or "None":
                return new LiteralExpression(null, token.Line);
            default:
                NamesRead.Add(token.Text);
                return new NameExpression(token.Text, token.Line);
        }
    }

    private static object ReadNumber(JinjaToken token)
    {
        string digits = token.Text.Replace("_", "", StringComparison.Ordinal);
        if (token.Kind == JinjaTokenKind.Float)
            return double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture);
        Int128 value = JinjaNumbers.ParseInteger(digits, 0) ?? throw JinjaError.At(token.Line, $"'{token.Text}' is no number");
        return value <= long.MaxValue ? (long)value : throw JinjaError.At(token.Line, $"the number {digits} is too large; {JinjaNumbers.Beyond64Bits}");
    }

    private JinjaExpression ParseParenthesis(int line)
    {
        if (reader.TryTakeOperator(")"))
            return new ListExpression([], IsTuple: true, line);
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
        var keys = new List<JinjaExpression>();
        var parts = new JinjaExpression?[3];
        int part = 0;
        while (!reader.TryTakeOperator("]"))
        {
            if (reader.TryTakeOperator(":"))
            {
                if (++part == parts.Length)
                    throw JinjaError.At(line, "a slice has at most three parts");
            }
            else if (part == 0 && parts[0] is not null && reader.TryTakeOperator(","))
            {
                keys.Add(parts[0]!);
                parts[0] = null;
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

        if (part > 0 && keys.Count > 0)
            throw JinjaError.At(line, "slices among several keys are not supported");
        if (part > 0)
            return new SliceExpression(target, parts[0], parts[1], parts[2], line);
        JinjaExpression last = parts[0] ?? throw JinjaError.At(line, "an index is missing");
        return new ItemExpression(target, keys.Count > 0 ? new ListExpression([.. keys, last], IsTuple: true, line) : last, line);
    }

    /// <summary>Arguments up to the closing parenthesis; the opening one is taken.</summary>
    private ArgumentExpressions ParseArguments()
    {
        var positional = new List<JinjaExpression>();
        var named = new List<(string, JinjaExpression)>();
        JinjaExpression? unpacked = null;
        JinjaExpression? unpackedNamed = null;
        bool first = true;
        while (!reader.TryTakeOperator(")"))
        {
            if (!first)
                reader.ExpectOperator(",");
            first = false;
            if (reader.TryTakeOperator(")"))
                break;
            if (unpackedNamed is not null)
                throw JinjaError.At(reader.Line, "an argument after **");
            if (reader.TryTakeOperator("**"))
            {
                unpackedNamed = Parse();
            }
            else if (reader.IsOperator("*") && unpacked is null)
            {
                reader.Take();
                unpacked = Parse();
            }
            else if (reader.Current.Kind == JinjaTokenKind.Name && reader.Following is { Kind: JinjaTokenKind.Operator, Text: "=" })
            {
                string name = reader.TakeName();
                reader.ExpectOperator("=");
                named.Add((name, Parse()));
            }
            else if (unpacked is null && named.Count == 0)
            {
                positional.Add(Parse());
            }
            else
            {
                throw JinjaError.At(reader.Line, "an argument without a name after named ones");
            }
        }

        return new(positional, named, unpacked, unpackedNamed);
    }

    /// <summary>The filters of a block, with a bar between them.</summary>
    public FilterExpression ParseBlockFilters()
    {
        FilterExpression filter = ParseFilter(target: null);
        while (reader.TryTakeOperator("|"))
            filter = ParseFilter(filter);
        return filter;
    }

    private FilterExpression ParseFilter(JinjaExpression? target)
    {
        int line = reader.Line;
        string name = TakeDottedName();
        return new(target, name, reader.TryTakeOperator("(") ? ParseArguments() : ArgumentExpressions.None, line);
    }

    private string TakeDottedName()
    {
        string name = reader.TakeName();
        while (reader.TryTakeOperator("."))
            name += "." + reader.TakeName();
        return name;
    }

    private JinjaExpression ParseFilters(JinjaExpression target)
    {
        while (true)
        {
            int line = reader.Line;
            if (reader.TryTakeOperator("|"))
            {
                target = ParseFilter(target);
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
        string name = TakeDottedName();
        ArgumentExpressions arguments = ArgumentExpressions.None;
        if (reader.TryTakeOperator("("))
            arguments = ParseArguments();
        else if (StartsTestArgument())
            arguments = new([ParsePostfix(ParsePrimary())], []);
        return new(target, name, arguments, negated, line);
    }

    private bool StartsTestArgument() => reader.IsName("is") ? throw JinjaError.At(reader.Line, "tests cannot follow one another") : reader.Current.Kind switch
    {
        JinjaTokenKind.String or JinjaTokenKind.Integer or JinjaTokenKind.Float => true,
        JinjaTokenKind.Name => reader.Current.Text is not ("else" or "or" or "and" or "if" or "in" or "not"),
        JinjaTokenKind.Operator => reader.Current.Text is "[" or "{" or "(",
        _ => false,
    };
}
