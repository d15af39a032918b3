namespace MoA.Serving.Chat.Replies;

/// <summary>Recognises one JSON value, character by character.</summary>
internal sealed class JsonScanner
{
    // Readers of what a model writes commonly stop at 64 levels.
    private const int MaximumDepth = 60;

    private readonly Stack<bool> _objects = new();
    private Expected _expected = Expected.Value;
    private Inside _inside;
    private string _literal = "";
    private int _count;

    private enum Expected
    {
        Value,
        ValueOrEnd,
        Key,
        KeyOrEnd,
        Colon,
        CommaOrEnd,
        Nothing,
    }

    private enum Inside
    {
        Nothing,
        Text,
        Escape,
        Hex,
        Literal,
        Minus,
        Zero,
        Whole,
        Point,
        Fraction,
        Exponent,
        ExponentSign,
        ExponentDigits,
    }

    /// <summary>Whether the value has ended; a number ends with the character after it.</summary>
    public bool IsDone => _expected == Expected.Nothing && _inside == Inside.Nothing;

    /// <summary>Whether the next character stands within a text.</summary>
    public bool IsInText => _inside is Inside.Text or Inside.Escape or Inside.Hex;

    /// <summary>Whether a control character may stand here as it is; JSON wants it escaped, but models forget.</summary>
    public bool TakesControl => _inside == Inside.Text;

    /// <summary>Takes the next character.</summary>
    /// <returns>Whether it may stand there; after a false the scanner is of no more use.</returns>
    public bool Push(char c)
    {
        switch (_inside)
        {
            case Inside.Text:
                if (c == '"')
                    EndText();
                else if (c == '\\')
                    _inside = Inside.Escape;
                return true;
            case Inside.Escape:
                (_inside, _count) = c == 'u' ? (Inside.Hex, 4) : (Inside.Text, 0);
                return c is '"' or '\\' or '/' or 'b' or 'f' or 'n' or 'r' or 't' or 'u';
            case Inside.Hex:
                if (--_count == 0)
                    _inside = Inside.Text;
                return char.IsAsciiHexDigit(c);
            case Inside.Literal:
                bool fits = _literal[_count++] == c;
                if (_count == _literal.Length)
                    EndValue();
                return fits;
            case not Inside.Nothing when Number(c) is bool goesOn:
                if (goesOn)
                    return true;
                EndValue();
                break;
            case not Inside.Nothing:
                return false;
        }

        return c is ' ' or '\t' or '\n' or '\r' ? _expected != Expected.Nothing : Structure(c);
    }

    private bool Structure(char c)
    {
        switch (_expected, c)
        {
            case (Expected.Value or Expected.ValueOrEnd, _) when c != ']':
                return Begin(c);
            case (Expected.Key or Expected.KeyOrEnd, '"'):
                _inside = Inside.Text;
                return true;
            case (Expected.Colon, ':'):
                _expected = Expected.Value;
                return true;
            case (Expected.CommaOrEnd, ','):
                _expected = _objects.Peek() ? Expected.Key : Expected.Value;
                return true;
            case (Expected.CommaOrEnd, '}') when _objects.Peek():
            case (Expected.CommaOrEnd, ']') when !_objects.Peek():
            case (Expected.KeyOrEnd, '}'):
            case (Expected.ValueOrEnd, ']'):
                _ = _objects.Pop();
                EndValue();
                return true;
            default:
                return false;
        }
    }

    private bool Begin(char c)
    {
        (_inside, _literal, _count) = c switch
        {
            '"' => (Inside.Text, "", 0),
            '-' => (Inside.Minus, "", 0),
            '0' => (Inside.Zero, "", 0),
            >= '1' and <= '9' => (Inside.Whole, "", 0),
            't' => (Inside.Literal, "true", 1),
            'f' => (Inside.Literal, "false", 1),
            'n' => (Inside.Literal, "null", 1),
            _ => (Inside.Nothing, "", 0),
        };
        if (_inside != Inside.Nothing)
            return true;
        if (c is not ('{' or '[') || _objects.Count == MaximumDepth)
            return false;
        _objects.Push(c == '{');
        _expected = c == '{' ? Expected.KeyOrEnd : Expected.ValueOrEnd;
        return true;
    }

    private void EndText()
    {
        if (_expected is Expected.Key or Expected.KeyOrEnd)
            (_inside, _expected) = (Inside.Nothing, Expected.Colon);
        else
            EndValue();
    }

    private void EndValue() => (_inside, _expected) = (Inside.Nothing, _objects.Count == 0 ? Expected.Nothing : Expected.CommaOrEnd);

    // Whether a number goes on or has ended; null where it is none.
    private bool? Number(char c)
    {
        bool isDigit = char.IsAsciiDigit(c);
        Inside next = (_inside, c) switch
        {
            (Inside.Minus, '0') => Inside.Zero,
            (Inside.Minus or Inside.Whole, _) when isDigit => Inside.Whole,
            (Inside.Zero or Inside.Whole, '.') => Inside.Point,
            (Inside.Point or Inside.Fraction, _) when isDigit => Inside.Fraction,
            (Inside.Zero or Inside.Whole or Inside.Fraction, 'e' or 'E') => Inside.Exponent,
            (Inside.Exponent, '+' or '-') => Inside.ExponentSign,
            (Inside.Exponent or Inside.ExponentSign or Inside.ExponentDigits, _) when isDigit => Inside.ExponentDigits,
            _ => Inside.Nothing,
        };
        if (next == Inside.Nothing)
            return _inside is Inside.Zero or Inside.Whole or Inside.Fraction or Inside.ExponentDigits ? false : null;
        _inside = next;
        return true;
    }
}
