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

/// <summary><c>for names in sequence if filter</c></summary>
internal sealed record ForStatement(
    IReadOnlyList<string> Names,
    JinjaExpression Sequence,
    JinjaExpression? Filter,
    IReadOnlyList<JinjaStatement> Body,
    IReadOnlyList<JinjaStatement> Otherwise,
    int Line) : JinjaStatement(Line);

/// <summary><c>set names = value</c>, or <c>set name.attribute = value</c> on a namespace.</summary>
internal sealed record SetStatement(
    IReadOnlyList<string> Names, string? Attribute, JinjaExpression Value, int Line) : JinjaStatement(Line);

/// <summary><c>set name</c> … <c>endset</c>: what the body prints.</summary>
internal sealed record SetBlockStatement(string Name, IReadOnlyList<JinjaStatement> Body, int Line) : JinjaStatement(Line);

/// <summary><c>macro name(parameters)</c></summary>
internal sealed record MacroStatement(
    string Name,
    IReadOnlyList<(string Name, JinjaExpression? Default)> Parameters,
    IReadOnlyList<JinjaStatement> Body,
    int Line) : JinjaStatement(Line);

/// <summary>Statements that print in place, such as the body of <c>generation</c>.</summary>
internal sealed record GroupStatement(IReadOnlyList<JinjaStatement> Body, int Line) : JinjaStatement(Line);

/// <summary><c>break</c> or <c>continue</c></summary>
internal sealed record LoopControlStatement(bool Breaks, int Line) : JinjaStatement(Line);
