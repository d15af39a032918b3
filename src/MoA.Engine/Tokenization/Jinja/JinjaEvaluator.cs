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

    private object? EvaluateKind(JinjaExpression expression, JinjaScope scope) => expression switch
    {
        LiteralExpression literal => literal.Value,
        NameExpression name => scope.TryGet(name.Name, out object? value) ? value : new JinjaUndefined(name.Name),
        ListExpression list => list.Items.Select(item => Evaluate(item, scope)).ToList(),
        MapExpression map => EvaluateMap(map, scope),
        AttributeExpression attribute => JinjaMethods.Attribute(
            Evaluate(attribute.Target, scope), attribute.Name, attribute.Line, budget),
        ItemExpression item => EvaluateItem(item, scope),
        SliceExpression slice => EvaluateSlice(slice, scope),
        CallExpression call => EvaluateCall(call, scope),
        FilterExpression filter => JinjaFilters.Apply(
            filter.Name, Evaluate(filter.Target, scope), EvaluateArguments(filter.Arguments, scope), filter.Line, budget),
        TestExpression test => JinjaTests.Holds(
            test.Name, Evaluate(test.Target, scope), EvaluateArguments(test.Arguments, scope).Positional, test.Line) != test.Negated,
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
            string name = Evaluate(key, scope) as string ?? throw JinjaError.At(map.Line, "only texts are supported as keys");
            value[name] = Evaluate(entry, scope);
        }

        return value;
    }

    private object? EvaluateItem(ItemExpression item, JinjaScope scope)
    {
        object? target = Evaluate(item.Target, scope);
        object? index = Evaluate(item.Index, scope);
        switch (target, index)
        {
            case (JinjaUndefined, _):
                throw JinjaError.At(item.Line, $"cannot take an item of {JinjaOperations.KindOf(target)}");
            case (JinjaMap map, string key):
                return map.TryGetValue(key, out object? value) ? value : new JinjaUndefined(key);
            case (List<object?> list, long at):
                at = at < 0 ? at + list.Count : at;
                return at >= 0 && at < list.Count ? list[(int)at] : new JinjaUndefined($"item {at}");
            case (string text, long):
                budget.Work(item.Line, text.Length);
                string[] characters = [.. JinjaOperations.Characters(text)];
                long place = (long)index < 0 ? (long)index + characters.Length : (long)index;
                return place >= 0 && place < characters.Length ? characters[place] : new JinjaUndefined($"item {place}");
            case (_, string name):
                return JinjaMethods.Attribute(target, name, item.Line, budget);
            default:
                return new JinjaUndefined($"item {JinjaOperations.Print(index)}");
        }
    }

    private object? EvaluateSlice(SliceExpression slice, JinjaScope scope)
    {
        object? target = Evaluate(slice.Target, scope);
        if (target is not (string or List<object?>))
            throw JinjaError.At(slice.Line, $"cannot take a slice of {JinjaOperations.KindOf(target)}");
        List<object?> items = JinjaOperations.Items(target, slice.Line);
        budget.Work(slice.Line, items.Count);
        long step = Bound(slice.Step) ?? 1;
        if (step == 0)
            throw JinjaError.At(slice.Line, "a slice with step 0");
        (long low, long high) = step > 0 ? (0L, items.Count) : (-1L, items.Count - 1L);
        long start = Place(Bound(slice.Start)) ?? (step > 0 ? low : high);
        long stop = Place(Bound(slice.Stop)) ?? (step > 0 ? high : low);
        var taken = new List<object?>();
        for (long at = start; step > 0 ? at < stop : at > stop; at += step)
            taken.Add(items[(int)at]);
        return target is string ? string.Concat(taken) : taken;

        long? Bound(JinjaExpression? bound) => bound is null ? null : Evaluate(bound, scope) switch
        {
            null => null,
            long number => Math.Clamp(number, int.MinValue, int.MaxValue),
            _ => throw JinjaError.At(slice.Line, "the bounds of a slice are whole numbers"),
        };

        long? Place(long? bound) => bound is null ? null : Math.Clamp(bound < 0 ? bound.Value + items.Count : bound.Value, low, high);
    }

    private object? EvaluateCall(CallExpression call, JinjaScope scope)
    {
        object? callee = Evaluate(call.Callee, scope);
        if (callee is not JinjaFunction function)
        {
            string name = call.Callee switch
            {
                NameExpression named => named.Name,
                AttributeExpression attribute => attribute.Name,
                _ => "this",
            };
            throw JinjaError.At(call.Line, $"the function or method '{name}' is not supported");
        }

        object? result = function(EvaluateArguments(call.Arguments, scope));
        if (result is List<object?> list)
            budget.Steps(call.Line, list.Count);
        return result;
    }

    private JinjaArguments EvaluateArguments(ArgumentExpressions arguments, JinjaScope scope)
    {
        var named = new Dictionary<string, object?>();
        List<object?> positional = [.. arguments.Positional.Select(argument => Evaluate(argument, scope))];
        foreach ((string name, JinjaExpression value) in arguments.Named)
            named[name] = Evaluate(value, scope);
        return new(positional, named);
    }

    private object EvaluateUnary(UnaryExpression unary, JinjaScope scope)
    {
        object? operand = Evaluate(unary.Operand, scope);
        return unary.Operator switch
        {
            "not" => !JinjaOperations.IsTrue(operand),
            "-" => JinjaArithmetic.Negate(operand, unary.Line),
            _ => JinjaArithmetic.Negate(JinjaArithmetic.Negate(operand, unary.Line), unary.Line),
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
            if (right is string text)
                budget.Work(comparison.Line, text.Length);
            else if (right is List<object?> list)
                budget.Steps(comparison.Line, list.Count);
            if (!Compares(symbol, left, right, comparison.Line))
                return false;
            left = right;
        }

        return true;
    }

    private static bool Compares(string symbol, object? left, object? right, int line) => symbol switch
    {
        "==" => JinjaOperations.AreEqual(left, right),
        "!=" => !JinjaOperations.AreEqual(left, right),
        "in" => JinjaOperations.Contains(right, left, line),
        "not in" => !JinjaOperations.Contains(right, left, line),
        "<" => JinjaOperations.Compare(left, right, line) < 0,
        "<=" => JinjaOperations.Compare(left, right, line) <= 0,
        ">" => JinjaOperations.Compare(left, right, line) > 0,
        _ => JinjaOperations.Compare(left, right, line) >= 0,
    };

    private object? EvaluateConditional(ConditionalExpression conditional, JinjaScope scope)
    {
        if (IsTrue(conditional.Condition, scope))
            return Evaluate(conditional.Then, scope);
        return conditional.Otherwise is null
            ? new JinjaUndefined("the value of an 'if' without 'else'")
            : Evaluate(conditional.Otherwise, scope);
    }
}
