namespace MoA.Engine.Tokenization.Jinja;

/// <summary>A statement of a template, with the line it stands in.</summary>
internal abstract record JinjaStatement(int Line);

/// <summary>Text outside tags.</summary>
internal sealed record TextStatement(string Text, int Line) : JinjaStatement(Line);

/// <summary><c>{{ value }}</c></summary>
internal sealed record OutputStatement(JinjaExpression Value, int Line) : JinjaStatement(Line);

/// <summary><c>if</c> and its <c>elif</c> branches in order; <c>else</c> is the one without a condition.</summary>
internal sealed record IfStatement(
    IReadOnlyList<(JinjaExpression? Condition, IReadOnlyList<JinjaStatement> Body)> Branches, int Line) : JinjaStatement(Line);

/// <summary><c>for target in sequence if filter recursive</c></summary>
internal sealed record ForStatement(
    JinjaExpression Target,
    JinjaExpression Sequence,
    JinjaExpression? Filter,
    bool IsRecursive,
    IReadOnlyList<JinjaStatement> Body,
    IReadOnlyList<JinjaStatement> Otherwise,
    int Line) : JinjaStatement(Line);

/// <summary><c>set target = value</c>: a name, an attribute of a namespace, or several of these.</summary>
internal sealed record SetStatement(JinjaExpression Target, JinjaExpression Value, int Line) : JinjaStatement(Line);

/// <summary><c>set target | filters</c> … <c>endset</c>: what the body prints.</summary>
internal sealed record SetBlockStatement(
    JinjaExpression Target, FilterExpression? Filter, IReadOnlyList<JinjaStatement> Body, int Line) : JinjaStatement(Line);

/// <summary><c>filter filters</c> … <c>endfilter</c></summary>
internal sealed record FilterStatement(
    FilterExpression Filter, IReadOnlyList<JinjaStatement> Body, int Line) : JinjaStatement(Line);

/// <summary><c>with target = value, …</c> … <c>endwith</c></summary>
internal sealed record WithStatement(
    IReadOnlyList<(JinjaExpression Target, JinjaExpression Value)> Variables,
    IReadOnlyList<JinjaStatement> Body,
    int Line) : JinjaStatement(Line);

/// <summary>A macro, or the body of a <c>call</c> block, which is the macro <c>caller</c>.</summary>
internal sealed record MacroStatement(
    string Name,
    IReadOnlyList<(string Name, JinjaExpression? Default)> Parameters,
    IReadOnlySet<string> NamesRead,
    IReadOnlyList<JinjaStatement> Body,
    int Line) : JinjaStatement(Line);

/// <summary><c>call(parameters) callee(arguments)</c> … <c>endcall</c></summary>
internal sealed record CallStatement(MacroStatement Caller, CallExpression Call, int Line) : JinjaStatement(Line);

/// <summary>Statements that print in place, with variables of their own: the body of <c>generation</c>.</summary>
internal sealed record GroupStatement(IReadOnlyList<JinjaStatement> Body, int Line) : JinjaStatement(Line);

/// <summary><c>break</c> or <c>continue</c></summary>
internal sealed record LoopControlStatement(bool Breaks, int Line) : JinjaStatement(Line);
