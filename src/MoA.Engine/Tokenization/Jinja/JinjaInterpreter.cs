namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Runs the statements of a template and collects what they print.</summary>
internal sealed class JinjaInterpreter
{
    private readonly JinjaBudget _budget;
    private readonly JinjaEvaluator _evaluator;
    private TracedTextBuilder _output = new();
    private LoopControl _control;

    private JinjaInterpreter(JinjaBudget budget)
    {
        _budget = budget;
        _evaluator = new(budget);
    }

    private enum LoopControl
    {
        None,
        Continue,
        Break,
    }

    /// <param name="template">The parsed template.</param>
    /// <param name="variables">What the template sees.</param>
    /// <param name="budget">How far it may go.</param>
    /// <exception cref="InvalidInputException">The template raises an exception, fails or goes too far.</exception>
    public static TracedText Run(
        IReadOnlyList<JinjaStatement> template, IEnumerable<KeyValuePair<string, object?>> variables, JinjaBudget budget)
    {
        var scope = new JinjaScope(outer: null);
        foreach ((string name, object? value) in variables)
            scope[name] = value;
        var interpreter = new JinjaInterpreter(budget);
        interpreter.RunAll(template, scope);
        return interpreter._output.ToText();
    }

    private void RunAll(IReadOnlyList<JinjaStatement> statements, JinjaScope scope)
    {
        foreach (JinjaStatement statement in statements)
        {
            _budget.Step(statement.Line);
            _budget.Enter(statement.Line);
            Run(statement, scope);
            _budget.Leave();
            if (_control != LoopControl.None)
                return;
        }
    }

    private void Run(JinjaStatement statement, JinjaScope scope)
    {
        switch (statement)
        {
            case TextStatement text:
                _budget.Work(text.Line, text.Text.Length);
                _output.Append(text.Text);
                break;
            case OutputStatement output:
                Write(_evaluator.Evaluate(output.Value, scope), output.Line);
                break;
            case IfStatement branches:
                RunIf(branches, scope);
                break;
            case ForStatement loop:
                RunFor(loop, _evaluator.Evaluate(loop.Sequence, scope), depth: 0, scope);
                break;
            case SetStatement assignment:
                Assign(assignment.Target, _evaluator.Evaluate(assignment.Value, scope), scope);
                break;
            case SetBlockStatement block:
                RunSetBlock(block, scope);
                break;
            case FilterStatement block:
                var inner = new JinjaScope(scope);
                TracedText filtered = Capture(block.Body, inner);
                if (_control == LoopControl.None)
                    Write(_evaluator.ApplyFilters(block.Filter, filtered, inner), block.Line);
                break;
            case WithStatement block:
                RunWith(block, scope);
                break;
            case MacroStatement macro:
                scope[macro.Name] = Define(macro, scope);
                break;
            case CallStatement call:
                Write(_evaluator.Call(call.Call, scope, Define(call.Caller, scope)), call.Line);
                break;
            case GroupStatement group:
                RunAll(group.Body, new JinjaScope(scope));
                break;
            case LoopControlStatement control:
                _control = control.Breaks ? LoopControl.Break : LoopControl.Continue;
                break;
        }
    }

    private void Write(object? value, int line)
    {
        TracedText text = JinjaPrinter.Print(value, line, _budget);
        _budget.Work(line, text.Length);
        _output.Append(text);
        _budget.Limit(line, _output.Length);
    }

    private void RunIf(IfStatement branches, JinjaScope scope)
    {
        foreach ((JinjaExpression? condition, IReadOnlyList<JinjaStatement> body) in branches.Branches)
        {
            if (condition is not null && !_evaluator.IsTrue(condition, scope))
                continue;
            RunAll(body, scope);
            return;
        }
    }

    private void RunFor(ForStatement statement, object? sequence, int depth, JinjaScope scope)
    {
        IEnumerable<object?> items = JinjaOperations.Items(sequence, statement.Line);
        long? length = sequence is JinjaGenerator || statement.Filter is not null
            ? null
            : JinjaOperations.Length(sequence, statement.Line);
        if (statement.Filter is { } filter)
        {
            items = items.Where(item =>
            {
                _budget.Step(statement.Line);
                var candidate = new JinjaScope(scope);
                Assign(statement.Target, item, candidate);
                return _evaluator.IsTrue(filter, candidate);
            });
        }

        Func<object?, int, TracedText>? recurse = !statement.IsRecursive
            ? null
            : (inner, level) => Capture(() => RunFor(statement, inner, level, scope));
        var loop = new JinjaLoop(items, length, depth, recurse);
        bool hasEnded = false; // a turn that break or continue cuts short does not count for 'else'
        while (loop.TryMove(out object? item))
        {
            _budget.Step(statement.Line);
            var turn = new JinjaScope(scope) { ["loop"] = loop };
            Assign(statement.Target, item, turn);
            RunAll(statement.Body, turn);
            LoopControl control = _control;
            _control = LoopControl.None;
            if (control == LoopControl.Break)
                break;
            hasEnded |= control == LoopControl.None;
        }

        if (!hasEnded)
            RunAll(statement.Otherwise, new JinjaScope(scope));
    }

    private void RunSetBlock(SetBlockStatement block, JinjaScope scope)
    {
        var inner = new JinjaScope(scope);
        TracedText text = Capture(block.Body, inner);
        if (_control == LoopControl.None)
            Assign(block.Target, block.Filter is null ? text : _evaluator.ApplyFilters(block.Filter, text, inner), scope);
    }

    private void RunWith(WithStatement block, JinjaScope scope)
    {
        var inner = new JinjaScope(scope);
        foreach ((JinjaExpression target, JinjaExpression value) in block.Variables)
            Assign(target, _evaluator.Evaluate(value, scope), inner);
        RunAll(block.Body, inner);
    }

    private void Assign(JinjaExpression target, object? value, JinjaScope scope)
    {
        switch (target)
        {
            case NameExpression name:
                scope[name.Name] = value;
                break;
            case AttributeExpression { Target: NameExpression owner } attribute:
                if (!scope.TryGet(owner.Name, out object? found) || found is not JinjaNamespace space)
                    throw JinjaError.At(target.Line, $"'{owner.Name}' is no namespace, so its attributes cannot be set");
                space.Attributes[attribute.Name] = value;
                break;
            case ListExpression names:
                List<object?> parts = JinjaOperations.Collect(value, target.Line, _budget);
                if (parts.Count != names.Items.Count)
                    throw JinjaError.At(target.Line, $"{parts.Count} values for {names.Items.Count} names");
                for (int i = 0; i < parts.Count; i++)
                    Assign(names.Items[i], parts[i], scope);
                break;
        }
    }

    private JinjaFunction Define(MacroStatement macro, JinjaScope scope) =>
        new(macro.Name, arguments => CallMacro(macro, arguments, scope), name => name switch
        {
            "name" => new TracedText(macro.Name),
            "arguments" => JinjaList.Tuple(macro.Parameters.Select(parameter => new TracedText(parameter.Name))),
            "catch_kwargs" => macro.NamesRead.Contains("kwargs"),
            "catch_varargs" => macro.NamesRead.Contains("varargs"),
            "caller" => macro.NamesRead.Contains("caller"),
            _ => new JinjaUndefined(name),
        });

    private TracedText CallMacro(MacroStatement macro, JinjaArguments arguments, JinjaScope definition)
    {
        var scope = new JinjaScope(definition);
        var named = new OrderedDictionary<string, object?>(arguments.Named);
        for (int i = 0; i < macro.Parameters.Count; i++)
        {
            (string name, JinjaExpression? missing) = macro.Parameters[i];
            if (i < arguments.Positional.Count)
                scope[name] = arguments.Positional[i];
            else if (named.Remove(name, out object? value))
                scope[name] = value;
            else
                scope[name] = missing is null ? new JinjaUndefined(name) : _evaluator.Evaluate(missing, scope);
        }

        BindRest(macro, arguments, named, scope);
        return Capture(macro.Body, scope);
    }

    // What no parameter takes: the caller of a call block, and the rest for a macro that reads varargs or kwargs.
    private static void BindRest(
        MacroStatement macro, JinjaArguments arguments, OrderedDictionary<string, object?> named, JinjaScope scope)
    {
        if (macro.NamesRead.Contains("caller") && macro.Parameters.All(parameter => parameter.Name != "caller"))
            scope["caller"] = named.Remove("caller", out object? caller) && caller is not null ? caller : new JinjaUndefined("caller");
        if (macro.NamesRead.Contains("kwargs"))
        {
            var rest = new JinjaMap();
            foreach ((string name, object? value) in named)
                rest[name] = value;
            scope["kwargs"] = rest;
        }
        else if (named.Count > 0)
        {
            throw arguments.Fail($"the macro '{macro.Name}' takes no argument '{named.GetAt(0).Key}'");
        }

        if (macro.NamesRead.Contains("varargs"))
            scope["varargs"] = JinjaList.Tuple(arguments.Positional.Skip(macro.Parameters.Count));
        else if (arguments.Positional.Count > macro.Parameters.Count)
            throw arguments.Fail($"the macro '{macro.Name}' takes {macro.Parameters.Count} arguments, found {arguments.Positional.Count}");
    }

    private TracedText Capture(IReadOnlyList<JinjaStatement> body, JinjaScope scope) => Capture(() => RunAll(body, scope));

    private TracedText Capture(Action run)
    {
        TracedTextBuilder outer = _output;
        _output = new();
        run();
        TracedText text = _output.ToText();
        _output = outer;
        return text;
    }
}
