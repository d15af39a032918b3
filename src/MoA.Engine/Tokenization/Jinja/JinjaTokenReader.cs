namespace MoA.Engine.Tokenization.Jinja;

/// <summary>Walks along the tokens of a template.</summary>
internal sealed class JinjaTokenReader(List<JinjaToken> tokens)
{
    private const int MaximumDepth = 150;

    private int _at;
    private int _depth;

    public JinjaToken Current => tokens[_at];

    public JinjaToken Following => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public int Line => Current.Line;

    public JinjaToken Take()
    {
        JinjaToken token = Current;
        if (token.Kind != JinjaTokenKind.End)
            _at++;
        return token;
    }

    public bool IsOperator(string text) => Current.Kind == JinjaTokenKind.Operator && Current.Text == text;

    public bool IsName(string text) => Current.Kind == JinjaTokenKind.Name && Current.Text == text;

    public bool TryTakeOperator(string text)
    {
        if (!IsOperator(text))
            return false;
        _at++;
        return true;
    }

    public bool TryTakeName(string text)
    {
        if (!IsName(text))
            return false;
        _at++;
        return true;
    }

    public void ExpectOperator(string text)
    {
        if (!TryTakeOperator(text))
            throw Unexpected($"'{text}'");
    }

    public void ExpectName(string text)
    {
        if (!TryTakeName(text))
            throw Unexpected($"'{text}'");
    }

    public string TakeName() => Current.Kind == JinjaTokenKind.Name ? Take().Text : throw Unexpected("a name");

    public void ExpectTagEnd()
    {
        if (Current.Kind != JinjaTokenKind.TagEnd)
            throw Unexpected("the end of the tag");
        _at++;
    }

    /// <summary>Reads something that may hold its own kind again, to a limited depth.</summary>
    public T Nested<T>(Func<T> read)
    {
        if (++_depth > MaximumDepth)
            throw JinjaError.At(Line, "nested too deeply");
        T result = read();
        _depth--;
        return result;
    }

    public InvalidInputException Unexpected(string expected)
    {
        string found = Current.Kind switch
        {
            JinjaTokenKind.End => "the end of the template",
            JinjaTokenKind.TagEnd => "the end of the tag",
            JinjaTokenKind.Text => "text",
            _ => $"'{Current.Text}'",
        };
        return JinjaError.At(Line, $"expected {expected}, found {found}");
    }
}
