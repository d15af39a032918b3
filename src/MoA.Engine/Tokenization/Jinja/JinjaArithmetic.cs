namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The operators with two operands.</summary>
internal static class JinjaArithmetic
{
    public static object Apply(string symbol, object? left, object? right, int line, JinjaBudget budget)
    {
        switch (symbol, left, right)
        {
            case ("~", _, _):
                return Join(JinjaOperations.Print(left), JinjaOperations.Print(right), line, budget);
            case ("+", string a, string b):
                return Join(a, b, line, budget);
            case ("+", List<object?> a, List<object?> b):
                budget.Work(line, a.Count + b.Count);
                return new List<object?>([.. a, .. b]);
            case ("*", string text, long count):
                budget.Work(line, text.Length * Math.Clamp(count, 0, int.MaxValue));
                return string.Concat(Enumerable.Repeat(text, (int)Math.Clamp(count, 0, int.MaxValue)));
        }

        if (JinjaOperations.AsNumber(left) is not { } x || JinjaOperations.AsNumber(right) is not { } y)
        {
            throw JinjaError.At(
                line, $"'{symbol}' does not go with {JinjaOperations.KindOf(left)} and {JinjaOperations.KindOf(right)}");
        }

        if (symbol is "/" or "//" or "%" && y == 0)
            throw JinjaError.At(line, "a division by zero");
        return symbol == "/" || left is double || right is double
            ? (object)OfFloats(symbol, x, y)
            : OfIntegers(symbol, ToInteger(left), ToInteger(right), line);
    }

    public static object Negate(object? value, int line) => value switch
    {
        long number when number != long.MinValue => (object)-number,
        double number => -number,
        bool flag => flag ? -1L : 0L,
        _ => throw JinjaError.At(line, $"'-' does not go with {JinjaOperations.KindOf(value)}"),
    };

    private static string Join(string left, string right, int line, JinjaBudget budget)
    {
        budget.Work(line, (long)left.Length + right.Length);
        return left + right;
    }

    private static long ToInteger(object? value) => value is long number ? number : value is true ? 1 : 0;

    private static double OfFloats(string symbol, double x, double y) => symbol switch
    {
        "+" => x + y,
        "-" => x - y,
        "*" => x * y,
        "/" => x / y,
        "//" => Math.Floor(x / y),
        "%" => x - y * Math.Floor(x / y),
        _ => Math.Pow(x, y),
    };

    private static long OfIntegers(string symbol, long x, long y, int line)
    {
        Int128 result = symbol switch
        {
            "+" => (Int128)x + y,
            "-" => (Int128)x - y,
            "*" => (Int128)x * y,
            "//" => ((Int128)x - Modulo(x, y)) / y,
            "%" => Modulo(x, y),
            _ => Power(x, y, line),
        };
        return result >= long.MinValue && result <= long.MaxValue
            ? (long)result
            : throw JinjaError.At(line, $"the result of '{symbol}' is too large");
    }

    // With the sign of the divisor, as in Python.
    private static Int128 Modulo(Int128 x, Int128 y)
    {
        Int128 rest = x % y;
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
    }

    private static Int128 Power(long x, long y, int line)
    {
        double result = Math.Pow(x, y);
        return y >= 0 && Math.Abs(result) < 1L << 53
            ? (Int128)result
            : throw JinjaError.At(line, $"the power {x} ** {y} is not supported");
    }
}
