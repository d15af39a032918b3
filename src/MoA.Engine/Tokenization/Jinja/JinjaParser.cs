namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Reads the statements of a template.</summary>
internal sealed class JinjaParser
{
    private readonly JinjaTokenReader _reader;
    private readonly JinjaExpressionParser _expressions;

    private JinjaParser(string template)
    {
        _reader = new(JinjaLexer.Read(template));
        _expressions = new(_reader);
    }

    /// <exception cref="InvalidInputException">The template is malformed or uses an unsupported construct.</exception>
    public static IReadOnlyList<JinjaStatement> Parse(string template)
    {
        var parser = new JinjaParser(template);
        List<JinjaStatement> body = parser.ParseBody();
        if (parser._reader.Current.Kind != JinjaTokenKind.End)
            throw JinjaError.At(parser._reader.Line, $"'{parser._reader.Following.Text}' without the block that it belongs to");
        return body;
    }

    // Statements up to the end of the template or a block that one of the names opens; that block is left to the caller.
    private List<JinjaStatement> ParseBody(params string[] ends)
    {
        var body = new List<JinjaStatement>();
        while (true)
        {
            JinjaToken token = _reader.Current;
            switch (token.Kind)
            {
                case JinjaTokenKind.Text:
                    body.Add(new TextStatement(_reader.Take().Text, token.Line));
                    break;
                case JinjaTokenKind.OutputStart:
                    _reader.Take();
                    body.Add(new OutputStatement(_expressions.ParseTuple(), token.Line));
                    _reader.ExpectTagEnd();
                    break;
                case JinjaTokenKind.BlockStart when ends.Contains(_reader.Following.Text):
                    return body;
                case JinjaTokenKind.BlockStart:
                    _reader.Take();
                    body.Add(_reader.Nested(ParseBlock));
                    break;
                default:
                    return ends.Length == 0 ? body : throw _reader.Unexpected($"'{ends[^1]}'");
            }
        }
    }

    private JinjaStatement ParseBlock()
    {
        int line = _reader.Line;
        string name = _reader.TakeName();
        switch (name)
        {
            case "if":
                return ParseIf(line);
            case "for":
                return ParseFor(line);
            case "set":
                return ParseSet(line);
            case "macro":
                return ParseMacro(line);
            case "generation":
                _reader.ExpectTagEnd();
                return new GroupStatement(ParseBodyUntil("endgeneration"), line);
            case "break" or "continue":
                _reader.ExpectTagEnd();
                return new LoopControlStatement(name == "break", line);
            default:
                throw JinjaError.At(line, $"the statement '{name}' is not supported");
        }
    }

    private List<JinjaStatement> ParseBodyUntil(string end)
    {
        List<JinjaStatement> body = ParseBody(end);
        _reader.Take();
        _reader.ExpectName(end);
        if (end == "endmacro" && _reader.Current.Kind == JinjaTokenKind.Name)
            _reader.Take();
        _reader.ExpectTagEnd();
        return body;
    }

    private IfStatement ParseIf(int line)
    {
        var branches = new List<(JinjaExpression?, IReadOnlyList<JinjaStatement>)>();
        JinjaExpression? condition = _expressions.ParseTuple();
        while (true)
        {
            _reader.ExpectTagEnd();
            string[] ends = condition is null ? ["endif"] : ["elif", "else", "endif"];
            branches.Add((condition, ParseBody(ends)));
            _reader.Take();
            string end = _reader.TakeName();
            if (end == "endif")
                break;
            condition = end == "elif" ? _expressions.ParseTuple() : null;
        }

        _reader.ExpectTagEnd();
        return new(branches, line);
    }

    private ForStatement ParseFor(int line)
    {
        List<string> names = ParseNames();
        _reader.ExpectName("in");
        JinjaExpression sequence = _expressions.ParseWithoutCondition();
        JinjaExpression? filter = _reader.TryTakeName("if") ? _expressions.Parse() : null;
        if (_reader.IsName("recursive"))
            throw JinjaError.At(line, "a recursive loop is not supported");
        _reader.ExpectTagEnd();
        List<JinjaStatement> body = ParseBody("else", "endfor");
        List<JinjaStatement> otherwise = [];
        _reader.Take();
        if (_reader.TryTakeName("else"))
        {
            _reader.ExpectTagEnd();
            otherwise = ParseBodyUntil("endfor");
        }
        else
        {
            _reader.ExpectName("endfor");
            _reader.ExpectTagEnd();
        }

        return new(names, sequence, filter, body, otherwise, line);
    }

    // One name or several with commas, in parentheses or not.
    private List<string> ParseNames()
    {
        bool parenthesis = _reader.TryTakeOperator("(");
        var names = new List<string> { _reader.TakeName() };
        while (_reader.TryTakeOperator(","))
            names.Add(_reader.TakeName());
        if (parenthesis)
            _reader.ExpectOperator(")");
        return names;
    }

    private JinjaStatement ParseSet(int line)
    {
        List<string> names = ParseNames();
        string? attribute = names.Count == 1 && _reader.TryTakeOperator(".") ? _reader.TakeName() : null;
        if (_reader.TryTakeOperator("="))
        {
            JinjaExpression value = _expressions.ParseTuple();
            _reader.ExpectTagEnd();
            return new SetStatement(names, attribute, value, line);
        }

        if (names.Count > 1 || attribute is not null || _reader.IsOperator("|"))
            throw _reader.Unexpected("'='");
        _reader.ExpectTagEnd();
        return new SetBlockStatement(names[0], ParseBodyUntil("endset"), line);
    }

    private MacroStatement ParseMacro(int line)
    {
        string name = _reader.TakeName();
        var parameters = new List<(string, JinjaExpression?)>();
        _reader.ExpectOperator("(");
        while (!_reader.TryTakeOperator(")"))
        {
            if (parameters.Count > 0)
                _reader.ExpectOperator(",");
            string parameter = _reader.TakeName();
            parameters.Add((parameter, _reader.TryTakeOperator("=") ? _expressions.Parse() : null));
        }

        _reader.ExpectTagEnd();
        return new(name, parameters, ParseBodyUntil("endmacro"), line);
    }
}
