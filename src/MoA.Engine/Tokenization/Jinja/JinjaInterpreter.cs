using System.Text;

namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Runs the statements of a template and collects what they print.</summary>
internal sealed class JinjaInterpreter
{
    private readonly JinjaBudget _budget;
    private readonly JinjaEvaluator _evaluator;
    private StringBuilder _output = new();
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
    public static string Run(
        IReadOnlyList<JinjaStatement> template, IEnumerable<KeyValuePair<string, object?>> variables, JinjaBudget budget)
    {
        var scope = new JinjaScope(outer: null);
        foreach ((string name, object? value) in variables)
            scope[name] = value;
        var interpreter = new JinjaInterpreter(budget);
        interpreter.RunAll(template, scope);
        return interpreter._output.ToString();
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
                Write(text.Text, text.Line);
                break;
            case OutputStatement output:
                Write(JinjaOperations.Print(_evaluator.Evaluate(output.Value, scope)), output.Line);
                break;
            case IfStatement branches:
                RunIf(branches, scope);
                break;
            case ForStatement loop:
                RunFor(loop, scope);
                break;
            case SetStatement assignment:
                RunSet(assignment, scope);
                break;
            case SetBlockStatement block:
                scope[block.Name] = Capture(block.Body, new JinjaScope(scope));
                break;
            case MacroStatement macro:
                scope[macro.Name] = (JinjaFunction)(arguments => CallMacro(macro, arguments, scope));
                break;
            case GroupStatement group:
                RunAll(group.Body, scope);
                break;
            case LoopControlStatement control:
                _control = control.Breaks ? LoopControl.Break : LoopControl.Continue;
                break;
        }
    }

    private void Write(string text, int line)
    {
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

    private void RunFor(ForStatement loop, JinjaScope scope)
    {
        List<object?> items = JinjaOperations.Items(_evaluator.Evaluate(loop.Sequence, scope), loop.Line);
        _budget.Steps(loop.Line, items.Count);
        if (loop.Filter is { } filter)
        {
            items = items.FindAll(item =>
            {
                var turn = new JinjaScope(scope);
                Assign(loop.Names, item, turn, loop.Line);
                return _evaluator.IsTrue(filter, turn);
            });
        }

        if (items.Count == 0)
            RunAll(loop.Otherwise, new JinjaScope(scope));
        for (int i = 0; i < items.Count; i++)
        {
            var turn = new JinjaScope(scope) { ["loop"] = DescribeTurn(items, i) };
            Assign(loop.Names, items[i], turn, loop.Line);
            RunAll(loop.Body, turn);
            LoopControl control = _control;
            _control = LoopControl.None;
            if (control == LoopControl.Break)
                break;
        }
    }

    private static JinjaMap DescribeTurn(List<object?> items, int i) => new()
    {
        ["index"] = i + 1L,
        ["index0"] = (long)i,
        ["revindex"] = (long)items.Count - i,
        ["revindex0"] = items.Count - i - 1L,
        ["first"] = i == 0,
        ["last"] = i == items.Count - 1,
        ["length"] = (long)items.Count,
        ["previtem"] = i > 0 ? items[i - 1] : new JinjaUndefined("loop.previtem"),
        ["nextitem"] = i + 1 < items.Count ? items[i + 1] : new JinjaUndefined("loop.nextitem"),
        ["cycle"] = (JinjaFunction)(arguments => arguments.Positional.Count == 0
            ? new JinjaUndefined("cycle of nothing")
            : arguments.Positional[i % arguments.Positional.Count]),
    };

    private void RunSet(SetStatement assignment, JinjaScope scope)
    {
        object? value = _evaluator.Evaluate(assignment.Value, scope);
        if (assignment.Attribute is not { } attribute)
        {
            Assign(assignment.Names, value, scope, assignment.Line);
            return;
        }

        if (!scope.TryGet(assignment.Names[0], out object? target) || target is not JinjaNamespace space)
            throw JinjaError.At(assignment.Line, $"'{assignment.Names[0]}' is no namespace, so its attributes cannot be set");
        space.Attributes[attribute] = value;
    }

    private static void Assign(IReadOnlyList<string> names, object? value, JinjaScope scope, int line)
    {
        if (names.Count == 1)
        {
            scope[names[0]] = value;
            return;
        }

        List<object?> parts = JinjaOperations.Items(value, line);
        if (parts.Count != names.Count)
            throw JinjaError.At(line, $"{parts.Count} values for {names.Count} names");
        for (int i = 0; i < parts.Count; i++)
            scope[names[i]] = parts[i];
    }

    private string CallMacro(MacroStatement macro, JinjaArguments arguments, JinjaScope definition)
    {
        _budget.Enter(macro.Line);
        var scope = new JinjaScope(definition);
        if (arguments.Positional.Count > macro.Parameters.Count)
            throw JinjaError.At(macro.Line, $"the macro '{macro.Name}' takes {macro.Parameters.Count} arguments");
        for (int i = 0; i < macro.Parameters.Count; i++)
        {
            (string name, JinjaExpression? missing) = macro.Parameters[i];
            scope[name] = arguments.TryGet(i, name, out object? value) ? value
                : missing is null ? new JinjaUndefined(name) : _evaluator.Evaluate(missing, scope);
        }

        string text = Capture(macro.Body, scope);
        _budget.Leave();
        return text;
    }

    private string Capture(IReadOnlyList<JinjaStatement> body, JinjaScope scope)
    {
        StringBuilder outer = _output;
        _output = new();
        RunAll(body, scope);
        string text = _output.ToString();
        _output = outer;
        return text;
    }
}
