namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Evaluates expressions.</summary>
internal sealed class JinjaEvaluator(JinjaBudget budget)
{
    public object? Evaluate(JinjaExpression expression, JinjaScope scope)
    {
        budget.Step(expression.Line);
        budget.Enter(expression.Line);
        object? value = EvaluateKind(expression, scope);
        budget.Leave();
        return value;
    }

    public bool IsTrue(JinjaExpression expression, JinjaScope scope) => JinjaOperations.IsTrue(Evaluate(expression, scope));

    /// <summary>A call, with the body of a call block as <c>caller</c> where there is one.</summary>
    public object? Call(CallExpression call, JinjaScope scope, JinjaFunction? caller = null)
    {
        object? callee = Evaluate(call.Callee, scope);
        JinjaArguments arguments = EvaluateArguments(call.Arguments, call.Line, scope, caller);
        switch (callee)
        {
            case JinjaFunction function:
                return function.Call(arguments);
            case JinjaLoop loop:
                return loop.Call(arguments);
            default:
                string name = call.Callee switch
                {
                    NameExpression named => named.Name,
                    AttributeExpression attribute => attribute.Name,
                    _ => "this",
                };
                throw JinjaError.At(call.Line, $"the function or method '{name}' is not supported");
        }
    }

    /// <summary>The filters of a block on what it printed.</summary>
    public object? ApplyFilters(FilterExpression filter, TracedText printed, JinjaScope scope)
    {
        object? target = filter.Target is FilterExpression before ? ApplyFilters(before, printed, scope) : printed;
        return JinjaFilters.Apply(filter.Name, target, EvaluateArguments(filter.Arguments, filter.Line, scope));
    }

    private object? EvaluateKind(JinjaExpression expression, JinjaScope scope) => expression switch
    {
        LiteralExpression literal => literal.Value,
        NameExpression name => scope.TryGet(name.Name, out object? value) ? value : new JinjaUndefined(name.Name),
        ListExpression list => new JinjaList(
            list.IsTuple ? JinjaListKind.Tuple : JinjaListKind.List, [.. list.Items.Select(item => Evaluate(item, scope))]),
        MapExpression map => EvaluateMap(map, scope),
        AttributeExpression attribute => JinjaAttributes.Attribute(
            Evaluate(attribute.Target, scope), attribute.Name, attribute.Line, budget),
        ItemExpression item => JinjaAttributes.Item(Evaluate(item.Target, scope), Evaluate(item.Index, scope), item.Line, budget),
        SliceExpression slice => EvaluateSlice(slice, scope),
        CallExpression call => Call(call, scope),
        FilterExpression filter => JinjaFilters.Apply(
            filter.Name, Evaluate(filter.Target!, scope), EvaluateArguments(filter.Arguments, filter.Line, scope)),
        TestExpression test => JinjaTests.Holds(
            test.Name, Evaluate(test.Target, scope), EvaluateArguments(test.Arguments, test.Line, scope)) != test.Negated,
        UnaryExpression unary => EvaluateUnary(unary, scope),
        BinaryExpression binary => EvaluateBinary(binary, scope),
        ComparisonExpression comparison => EvaluateComparison(comparison, scope),
        ConditionalExpression conditional => EvaluateConditional(conditional, scope),
        _ => throw JinjaError.At(expression.Line, "an expression of an unknown kind"),
    };

    private JinjaMap EvaluateMap(MapExpression map, JinjaScope scope)
    {
        var value = new JinjaMap();
        foreach ((JinjaExpression key, JinjaExpression entry) in map.Entries)
        {
            object? name = Evaluate(key, scope);
            if (!JinjaMap.IsKey(name))
                throw JinjaError.At(map.Line, $"{JinjaOperations.KindOf(name)} cannot be a key");
            value[name] = Evaluate(entry, scope);
        }

        return value;
    }

    private object? EvaluateSlice(SliceExpression slice, JinjaScope scope)
    {
        object? target = Evaluate(slice.Target, scope);
        long? start = Bound(slice.Start);
        long? stop = Bound(slice.Stop);
        return target switch
        {
            TracedText text => JinjaSlice.Of(text, start, stop, Bound(slice.Step), slice.Line, budget),
            JinjaList { HasPlaces: true } list => JinjaSlice.Of(list, start, stop, Bound(slice.Step), slice.Line, budget),
            _ => throw JinjaError.At(slice.Line, $"cannot take a slice of {JinjaOperations.KindOf(target)}"),
        };

        long? Bound(JinjaExpression? bound) => bound is null ? null : Evaluate(bound, scope) switch
        {
            null => null,
            long number => number,
            bool flag => flag ? 1 : 0,
            _ => throw JinjaError.At(slice.Line, "the bounds of a slice are whole numbers"),
        };
    }

    private JinjaArguments EvaluateArguments(ArgumentExpressions arguments, int line, JinjaScope scope, JinjaFunction? caller = null)
    {
        List<object?> positional = [.. arguments.Positional.Select(argument => Evaluate(argument, scope))];
        var named = new OrderedDictionary<string, object?>();
        foreach ((string name, JinjaExpression value) in arguments.Named)
        {
            if (!named.TryAdd(name, Evaluate(value, scope)))
                throw JinjaError.At(line, $"the argument '{name}' is given twice");
        }

        if (caller is not null)
            named["caller"] = caller;
        if (arguments.Unpacked is { } items)
            positional.AddRange(JinjaOperations.Collect(Evaluate(items, scope), line, budget));
        if (arguments.UnpackedNamed is { } entries)
        {
            var map = Evaluate(entries, scope) as JinjaMap ?? throw JinjaError.At(line, "expected a dictionary after **");
            foreach ((object? key, object? value) in map.Entries)
            {
                if (key is not TracedText name || !named.TryAdd(name.Text, value))
                    throw JinjaError.At(line, $"an argument after ** has no name of its own: {JinjaPrinter.Print(key, line, budget)}");
            }
        }

        return new(positional, named, line, budget);
    }

    private object EvaluateUnary(UnaryExpression unary, JinjaScope scope)
    {
        object? operand = Evaluate(unary.Operand, scope);
        return unary.Operator switch
        {
            "not" => !JinjaOperations.IsTrue(operand),
            "-" => JinjaArithmetic.Negate(operand, unary.Line),
            _ => operand is bool flag ? flag ? 1L : 0L
                : JinjaOperations.AsNumber(operand) is not null ? operand!
                : throw JinjaError.At(unary.Line, $"'+' does not go with {JinjaOperations.KindOf(operand)}"),
        };
    }

    private object? EvaluateBinary(BinaryExpression binary, JinjaScope scope)
    {
        object? left = Evaluate(binary.Left, scope);
        return binary.Operator switch
        {
            "and" => JinjaOperations.IsTrue(left) ? Evaluate(binary.Right, scope) : left,
            "or" => JinjaOperations.IsTrue(left) ? left : Evaluate(binary.Right, scope),
            _ => JinjaArithmetic.Apply(binary.Operator, left, Evaluate(binary.Right, scope), binary.Line, budget),
        };
    }

    private bool EvaluateComparison(ComparisonExpression comparison, JinjaScope scope)
    {
        object? left = Evaluate(comparison.First, scope);
        foreach ((string symbol, JinjaExpression operand) in comparison.Rest)
        {
            object? right = Evaluate(operand, scope);
            if (right is TracedText text)
                budget.Work(comparison.Line, text.Length);
            else if (right is JinjaList list)
                budget.Steps(comparison.Line, list.Count);
            if (!JinjaTests.Compares(symbol, left, right, comparison.Line, budget))
                return false;
            left = right;
        }

        return true;
    }

    private object? EvaluateConditional(ConditionalExpression conditional, JinjaScope scope)
    {
        if (IsTrue(conditional.Condition, scope))
            return Evaluate(conditional.Then, scope);
        return conditional.Otherwise is null
            ? new JinjaUndefined("the value of an 'if' without 'else'")
            : Evaluate(conditional.Otherwise, scope);
    }
}
