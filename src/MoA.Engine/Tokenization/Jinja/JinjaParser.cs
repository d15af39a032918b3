namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Reads the statements of a template.</summary>
internal sealed class JinjaParser
{
    private readonly JinjaTokenReader _reader;
    private readonly JinjaExpressionParser _expressions;
    private int _loops;

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
                string macro = _reader.TakeName();
                return ParseMacro(macro, "endmacro", ParseParameters(), line);
            case "call":
                return ParseCall(line);
            case "filter":
                return new FilterStatement(_expressions.ParseBlockFilters(), ParseBlockBody("endfilter"), line);
            case "with":
                return ParseWith(line);
            case "generation":
                return new GroupStatement(ParseApart("endgeneration"), line);
            case "print":
                return ParsePrint(line);
            case "break" or "continue":
                if (_loops == 0)
                    throw JinjaError.At(line, $"'{name}' outside a loop");
                _reader.ExpectTagEnd();
                return new LoopControlStatement(name == "break", line);
            default:
                throw JinjaError.At(line, $"the statement '{name}' is not supported");
        }
    }

    // The end of the opening tag, which may have a colon, the body and the closing tag.
    private List<JinjaStatement> ParseBlockBody(string end)
    {
        EndOpeningTag();
        List<JinjaStatement> body = ParseBody(end);
        _reader.Take();
        _reader.ExpectName(end);
        _reader.ExpectTagEnd();
        return body;
    }

    private void EndOpeningTag()
    {
        _reader.TryTakeOperator(":");
        _reader.ExpectTagEnd();
    }

    private IfStatement ParseIf(int line)
    {
        var branches = new List<(JinjaExpression?, IReadOnlyList<JinjaStatement>)>();
        JinjaExpression? condition = _expressions.ParseTuple();
        while (true)
        {
            EndOpeningTag();
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
        JinjaExpression target = _expressions.ParseTarget(withAttributes: false);
        if (target is NameExpression { Name: "loop" })
            throw JinjaError.At(line, "a loop cannot assign to 'loop'");
        _reader.ExpectName("in");
        JinjaExpression sequence = _expressions.ParseSequence();
        JinjaExpression? filter = _reader.TryTakeName("if") ? _expressions.Parse() : null;
        bool isRecursive = _reader.TryTakeName("recursive");
        EndOpeningTag();
        _loops++;
        List<JinjaStatement> body = ParseBody("else", "endfor");
        _loops--;
        List<JinjaStatement> otherwise = [];
        _reader.Take();
        if (_reader.TryTakeName("else"))
        {
            otherwise = ParseBlockBody("endfor");
        }
        else
        {
            _reader.ExpectName("endfor");
            _reader.ExpectTagEnd();
        }

        return new(target, sequence, filter, isRecursive, body, otherwise, line);
    }

    private JinjaStatement ParseSet(int line)
    {
        JinjaExpression target = _expressions.ParseTarget(withAttributes: true);
        if (_reader.TryTakeOperator("="))
        {
            JinjaExpression value = _expressions.ParseTuple();
            _reader.ExpectTagEnd();
            return new SetStatement(target, value, line);
        }

        if (target is ListExpression)
            throw _reader.Unexpected("'='");
        FilterExpression? filter = _reader.TryTakeOperator("|") ? _expressions.ParseBlockFilters() : null;
        return new SetBlockStatement(target, filter, ParseBlockBody("endset"), line);
    }

    private WithStatement ParseWith(int line)
    {
        var variables = new List<(JinjaExpression, JinjaExpression)>();
        while (_reader.Current.Kind != JinjaTokenKind.TagEnd && !_reader.IsOperator(":"))
        {
            if (variables.Count > 0)
                _reader.ExpectOperator(",");
            JinjaExpression target = _expressions.ParseTarget(withAttributes: false);
            _reader.ExpectOperator("=");
            variables.Add((target, _expressions.Parse()));
        }

        return new(variables, ParseBlockBody("endwith"), line);
    }

    private GroupStatement ParsePrint(int line)
    {
        var values = new List<JinjaStatement> { new OutputStatement(_expressions.Parse(), line) };
        while (_reader.TryTakeOperator(","))
            values.Add(new OutputStatement(_expressions.Parse(), line));
        _reader.ExpectTagEnd();
        return new(values, line);
    }

    private CallStatement ParseCall(int line)
    {
        List<(string, JinjaExpression?)> parameters = _reader.IsOperator("(") ? ParseParameters() : [];
        CallExpression call = _expressions.Parse() as CallExpression ?? throw JinjaError.At(line, "expected a call after 'call'");
        return new(ParseMacro("caller", "endcall", parameters, line), call, line);
    }

    private MacroStatement ParseMacro(string name, string end, List<(string Name, JinjaExpression?)> parameters, int line)
    {
        int namesBefore = _expressions.NamesRead.Count;
        List<JinjaStatement> body = ParseApart(end);
        return new(name, parameters, _expressions.NamesRead.Skip(namesBefore).ToHashSet(), body, line);
    }

    // A body that a loop around it cannot be left from.
    private List<JinjaStatement> ParseApart(string end)
    {
        int loops = _loops;
        _loops = 0;
        List<JinjaStatement> body = ParseBlockBody(end);
        _loops = loops;
        return body;
    }

    private List<(string Name, JinjaExpression?)> ParseParameters()
    {
        var parameters = new List<(string Name, JinjaExpression? Default)>();
        _reader.ExpectOperator("(");
        while (!_reader.TryTakeOperator(")"))
        {
            if (parameters.Count > 0)
                _reader.ExpectOperator(",");
            int line = _reader.Line;
            string parameter = _reader.TakeName();
            JinjaExpression? missing = _reader.TryTakeOperator("=") ? _expressions.Parse() : null;
            if (missing is null && parameters.Count > 0 && parameters[^1].Default is not null)
                throw JinjaError.At(line, $"the parameter '{parameter}' without default follows one with a default");
            parameters.Add((parameter, missing));
        }

        return parameters;
    }
}
