namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The operators with two operands.</summary>
internal static class JinjaArithmetic
{
    public static object Apply(string symbol, object? left, object? right, int line, JinjaBudget budget)
    {
        switch (symbol, left, right)
        {
            case ("~", _, _):
                return Join(JinjaPrinter.Print(left, line, budget), JinjaPrinter.Print(right, line, budget), line, budget);
            case ("+", TracedText a, TracedText b) when a is JinjaMarkup || b is JinjaMarkup:
                return new JinjaMarkup(Join(JinjaTextFilters.Escape(a), JinjaTextFilters.Escape(b), line, budget));
            case ("+", TracedText a, TracedText b):
                return Join(a, b, line, budget);
            case ("+", JinjaList a, JinjaList b) when a.IsTuple == b.IsTuple && a.Kind < JinjaListKind.Range && b.Kind < JinjaListKind.Range:
                budget.Work(line, 32L * (a.Count + b.Count));
                return new JinjaList(a.IsTuple ? JinjaListKind.Tuple : JinjaListKind.List, [.. a.Items, .. b.Items]);
            case ("*", TracedText or JinjaList, long or bool):
                return Repeat(left, Whole(right), line, budget);
            case ("*", long or bool, TracedText or JinjaList):
                return Repeat(right, Whole(left), line, budget);
            case ("%", TracedText format, _):
                return JinjaPercentFormat.Format(format, right, line, budget);
        }

        if (JinjaOperations.AsNumber(left) is not { } x || JinjaOperations.AsNumber(right) is not { } y)
        {
            throw JinjaError.At(
                line, $"'{symbol}' does not go with {JinjaOperations.KindOf(left)} and {JinjaOperations.KindOf(right)}");
        }

        if (y == 0 && symbol is "/" or "//" or "%" || (symbol == "**" && x == 0 && y < 0))
            throw JinjaError.At(line, "a division by zero");
        bool isFloat = symbol == "/" || left is double || right is double || (symbol == "**" && y < 0);
        return isFloat ? (object)OfFloats(symbol, x, y, line) : OfIntegers(symbol, Whole(left), Whole(right), line);
    }

    public static object Negate(object? value, int line) => value switch
    {
        long number when number != long.MinValue => (object)-number,
        double number => -number,
        bool flag => flag ? -1L : 0L,
        _ => throw JinjaError.At(line, $"'-' does not go with {JinjaOperations.KindOf(value)}"),
    };

    private static TracedText Join(TracedText left, TracedText right, int line, JinjaBudget budget)
    {
        budget.Work(line, (long)left.Length + right.Length);
        return left + right;
    }

    private static object Repeat(object? value, long count, int line, JinjaBudget budget)
    {
        int times = (int)Math.Clamp(count, 0, int.MaxValue);
        if (value is TracedText text)
        {
            budget.Work(line, (long)text.Length * times);
            var repeated = new TracedTextBuilder();
            for (int i = 0; i < times && text.Length > 0; i++)
                repeated.Append(text);
            return text is JinjaMarkup ? new JinjaMarkup(repeated.ToText()) : repeated.ToText();
        }

        var list = (JinjaList)value!;
        if (list.Kind >= JinjaListKind.Range)
            throw JinjaError.At(line, $"'*' does not go with {JinjaOperations.KindOf(list)}");
        budget.Work(line, 32L * list.Count * times);
        return new JinjaList(
            list.IsTuple ? JinjaListKind.Tuple : JinjaListKind.List,
            list.Count == 0 ? [] : [.. Enumerable.Repeat(list.Items, times).SelectMany(items => items)]);
    }

    private static long Whole(object? value) => value is long number ? number : value is true ? 1 : 0;

    private static double OfFloats(string symbol, double x, double y, int line) => symbol switch
    {
        "+" => x + y,
        "-" => x - y,
        "*" => x * y,
        "/" => x / y,
        "//" => FloorDivide(x, y),
        "%" => Modulo(x, y),
        _ => x < 0 && y != Math.Floor(y) ? throw JinjaError.At(line, $"the power {x} ** {y} is not supported") : Math.Pow(x, y),
    };

    // With the sign of the divisor, as in Python.
    private static double Modulo(double x, double y)
    {
        double rest = x % y;
        if (rest == 0)
            return Math.CopySign(0, y);
        return (rest < 0) != (y < 0) ? rest + y : rest;
    }

    private static double FloorDivide(double x, double y)
    {
        double rest = x % y;
        double quotient = (x - rest) / y;
        if (rest != 0 && (rest < 0) != (y < 0))
            quotient -= 1;
        double floor = Math.Floor(quotient);
        return quotient == 0 ? Math.CopySign(0, x / y) : quotient - floor > 0.5 ? floor + 1 : floor;
    }

    private static long OfIntegers(string symbol, long x, long y, int line)
    {
        Int128 result = symbol switch
        {
            "+" => (Int128)x + y,
            "-" => (Int128)x - y,
            "*" => (Int128)x * y,
            "//" => ((Int128)x - Modulo((Int128)x, y)) / y,
            "%" => Modulo((Int128)x, y),
            _ => Power(x, y, line),
        };
        return result >= long.MinValue && result <= long.MaxValue
            ? (long)result
            : throw JinjaError.At(line, $"the result of '{symbol}' is too large; {JinjaNumbers.Beyond64Bits}");
    }

    private static Int128 Modulo(Int128 x, Int128 y)
    {
        Int128 rest = x % y;
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
    }

    private static Int128 Power(Int128 x, long y, int line)
    {
        Int128 result = 1;
        for (Int128 factor = x; y > 0; y >>= 1)
        {
            if (Int128.Abs(factor) <= long.MaxValue && (y & 1) == 1)
                result *= factor;
            if (Int128.Abs(factor) > long.MaxValue || Int128.Abs(result) > long.MaxValue)
                throw JinjaError.At(line, $"the result of '**' is too large; {JinjaNumbers.Beyond64Bits}");
            factor *= factor;
        }

        return result;
    }
}
