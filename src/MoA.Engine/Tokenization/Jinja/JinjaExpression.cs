namespace MoA.Engine.Tokenization.Jinja;

/// <summary>An expression of a template, with the line it stands in.</summary>
internal abstract record JinjaExpression(int Line);

/// <summary>A string, number, boolean or none.</summary>
internal sealed record LiteralExpression(object? Value, int Line) : JinjaExpression(Line);

/// <summary>A variable.</summary>
internal sealed record NameExpression(string Name, int Line) : JinjaExpression(Line);

/// <summary>A list or tuple.</summary>
internal sealed record ListExpression(IReadOnlyList<JinjaExpression> Items, bool IsTuple, int Line) : JinjaExpression(Line);

/// <summary>A dictionary.</summary>
internal sealed record MapExpression(
    IReadOnlyList<(JinjaExpression Key, JinjaExpression Value)> Entries, int Line) : JinjaExpression(Line);

/// <summary><c>target.name</c></summary>
internal sealed record AttributeExpression(JinjaExpression Target, string Name, int Line) : JinjaExpression(Line);

/// <summary><c>target[index]</c></summary>
internal sealed record ItemExpression(JinjaExpression Target, JinjaExpression Index, int Line) : JinjaExpression(Line);

/// <summary><c>target[start:stop:step]</c></summary>
internal sealed record SliceExpression(
    JinjaExpression Target, JinjaExpression? Start, JinjaExpression? Stop, JinjaExpression? Step, int Line) : JinjaExpression(Line);

/// <summary>Arguments by position and by name, then <c>*items</c> and <c>**entries</c>.</summary>
internal sealed record ArgumentExpressions(
    IReadOnlyList<JinjaExpression> Positional,
    IReadOnlyList<(string Name, JinjaExpression Value)> Named,
    JinjaExpression? Unpacked = null,
    JinjaExpression? UnpackedNamed = null)
{
    public static ArgumentExpressions None { get; } = new([], []);
}

/// <summary><c>callee(arguments)</c></summary>
internal sealed record CallExpression(JinjaExpression Callee, ArgumentExpressions Arguments, int Line) : JinjaExpression(Line);

/// <summary><c>target | name(arguments)</c>; without a target where what a block prints is filtered.</summary>
internal sealed record FilterExpression(
    JinjaExpression? Target, string Name, ArgumentExpressions Arguments, int Line) : JinjaExpression(Line);

/// <summary><c>target is [not] name arguments</c></summary>
internal sealed record TestExpression(
    JinjaExpression Target, string Name, ArgumentExpressions Arguments, bool Negated, int Line) : JinjaExpression(Line);

/// <summary><c>not</c>, <c>-</c> or <c>+</c> before an operand.</summary>
internal sealed record UnaryExpression(string Operator, JinjaExpression Operand, int Line) : JinjaExpression(Line);

/// <summary>Two operands: arithmetic, <c>~</c>, <c>and</c>, <c>or</c>.</summary>
internal sealed record BinaryExpression(
    string Operator, JinjaExpression Left, JinjaExpression Right, int Line) : JinjaExpression(Line);

/// <summary>A chain of comparisons, <c>a &lt; b &lt;= c</c>; also <c>in</c> and <c>not in</c>.</summary>
internal sealed record ComparisonExpression(
    JinjaExpression First, IReadOnlyList<(string Operator, JinjaExpression Operand)> Rest, int Line) : JinjaExpression(Line);

/// <summary><c>then if condition else otherwise</c></summary>
internal sealed record ConditionalExpression(
    JinjaExpression Then, JinjaExpression Condition, JinjaExpression? Otherwise, int Line) : JinjaExpression(Line);
