namespace MoA.Engine.Tokenization.Jinja;

/// <summary>What a token of a template is.</summary>
internal enum JinjaTokenKind
{
    /// <summary>Text outside tags.</summary>
    Text,

    /// <summary>The opening of <c>{{ … }}</c>.</summary>
    OutputStart,

    /// <summary>The opening of <c>{% … %}</c>.</summary>
    BlockStart,

    /// <summary>The closing of either.</summary>
    TagEnd,

    /// <summary>A name or keyword.</summary>
    Name,

    /// <summary>A string literal, its escapes resolved.</summary>
    String,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>A number with a fraction or exponent.</summary>
    Float,

    /// <summary>An operator or bracket.</summary>
    Operator,

    /// <summary>The end of the template.</summary>
    End,
}

/// <summary>A token with the line that it stands in, from 1.</summary>
internal readonly record struct JinjaToken(JinjaTokenKind Kind, string Text, int Line);
