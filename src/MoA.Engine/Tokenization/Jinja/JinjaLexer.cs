namespace MoA.Engine.Tokenization.Jinja;

/// <summary>
/// Cuts a template into tokens with the white-space rules that transformers sets: trim_blocks (a newline after a block is
/// dropped), lstrip_blocks (blanks before a block at the start of a line are dropped), and the last newline dropped.
/// </summary>
internal sealed class JinjaLexer
{
    private static readonly string[] Operators =
    [
        "//", "**", "==", "!=", ">=", "<=",
        "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";",
    ];

    private readonly string _source;
    private readonly List<JinjaToken> _tokens = [];
    private int _at;
    private int _line = 1;
    private int _lineCountedTo;

    private JinjaLexer(string source) => _source = source;

    /// <exception cref="InvalidInputException">A tag, string or comment is not closed, or a character has no meaning.</exception>
    public static List<JinjaToken> Read(string template)
    {
        string source = template.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        if (source.EndsWith('\n'))
            source = source[..^1];
        var lexer = new JinjaLexer(source);
        lexer.ReadAll();
        lexer.Add(JinjaTokenKind.End, "");
        return lexer._tokens;
    }

    private void ReadAll()
    {
        while (_at < _source.Length)
        {
            int tag = FindTag(_at);
            if (tag < 0)
            {
                AddText(_source[_at..]);
                _at = _source.Length;
                return;
            }

            AddText(TextBefore(tag));
            _at = tag;
            switch (_source[tag + 1])
            {
                case '#':
                    SkipComment();
                    break;
                case '%' when IsRawBlock(out int bodyStart):
                    ReadRaw(bodyStart);
                    break;
                case '%':
                    ReadTag(JinjaTokenKind.BlockStart, "%}");
                    break;
                default:
                    ReadTag(JinjaTokenKind.OutputStart, "}}");
                    break;
            }
        }
    }

    private int FindTag(int from)
    {
        for (int at = from; (at = _source.IndexOf('{', at)) >= 0 && at + 1 < _source.Length; at++)
        {
            if (_source[at + 1] is '{' or '%' or '#')
                return at;
        }

        return -1;
    }

    private string TextBefore(int tag)
    {
        string text = _source[_at..tag];
        char modifier = tag + 2 < _source.Length ? _source[tag + 2] : ' ';
        if (modifier == '-')
            return TrimEnd(text);
        if (modifier == '+' || _source[tag + 1] == '{')
            return text;
        int lineStart = text.LastIndexOf('\n') + 1;
        bool startsLine = lineStart > 0 || _at == 0 || _source[_at - 1] == '\n';
        return startsLine && LengthWithoutSpace(text.AsSpan(lineStart)) == 0 ? text[..lineStart] : text;
    }

    private void SkipComment()
    {
        int start = _at + 2 < _source.Length && _source[_at + 2] is '-' or '+' ? _at + 3 : _at + 2;
        int end = _source.IndexOf("#}", Math.Min(start, _source.Length), StringComparison.Ordinal);
        if (end < 0)
            throw JinjaError.At(CurrentLine(), "a comment that is not closed");
        char modifier = end > start ? _source[end - 1] : ' ';
        _at = end + 2;
        SkipAfterTag(modifier, dropsNewline: true);
    }

    private void SkipAfterTag(char modifier, bool dropsNewline)
    {
        if (modifier == '-')
        {
            _at = SpaceEnd(_at);
        }
        else if (dropsNewline && modifier != '+' && _at < _source.Length && _source[_at] == '\n')
        {
            _at++;
        }
    }

    private bool IsRawBlock(out int bodyStart) => TryReadBareTag("raw", _at, dropsNewline: false, out _, out bodyStart);

    private void ReadRaw(int bodyStart)
    {
        for (int end = bodyStart; (end = _source.IndexOf("{%", end, StringComparison.Ordinal)) >= 0; end++)
        {
            if (!TryReadBareTag("endraw", end, dropsNewline: true, out bool strips, out int after))
                continue;
            _at = bodyStart;
            string body = TextBefore(end);
            AddText(strips ? TrimEnd(body) : body);
            _at = after;
            return;
        }

        throw JinjaError.At(CurrentLine(), "a raw block that is not closed");
    }

    // A tag that is one word; `after` is where the text goes on.
    private bool TryReadBareTag(string name, int tag, bool dropsNewline, out bool strips, out int after)
    {
        after = tag + 2;
        strips = after < _source.Length && _source[after] == '-';
        if (after < _source.Length && _source[after] is '-' or '+')
            after++;
        after = SpaceEnd(after);
        if (string.CompareOrdinal(_source, after, name, 0, name.Length) != 0)
            return false;
        after = SpaceEnd(after + name.Length);
        char modifier = after < _source.Length && _source[after] is '-' or '+' ? _source[after++] : ' ';
        if (string.CompareOrdinal(_source, after, "%}", 0, 2) != 0 || (modifier == '+' && !dropsNewline))
            return false;
        int here = _at;
        _at = after + 2;
        SkipAfterTag(modifier, dropsNewline);
        (after, _at) = (_at, here);
        return true;
    }

    private int SpaceEnd(int at)
    {
        while (at < _source.Length && JinjaCharacters.IsSpace(_source[at]))
            at++;
        return at;
    }

    private static string TrimEnd(string text) => text[..LengthWithoutSpace(text)];

    private static int LengthWithoutSpace(ReadOnlySpan<char> text)
    {
        int length = text.Length;
        while (length > 0 && JinjaCharacters.IsSpace(text[length - 1]))
            length--;
        return length;
    }

    private void ReadTag(JinjaTokenKind start, string close)
    {
        Add(start, "");
        _at += 2;
        if (_at < _source.Length && _source[_at] is '-' or '+')
            _at++;
        for (int depth = 0; ;)
        {
            _at = SpaceEnd(_at);
            if (_at >= _source.Length)
                throw JinjaError.At(CurrentLine(), $"a tag that is not closed by '{close}'");
            if (depth == 0 && TryReadClose(close))
                return;
            depth += ReadTokenInTag();
        }
    }

    private bool TryReadClose(string close)
    {
        char modifier = _source[_at] == '-' || (_source[_at] == '+' && close == "%}") ? _source[_at] : ' ';
        int at = modifier == ' ' ? _at : _at + 1;
        if (string.CompareOrdinal(_source, at, close, 0, 2) != 0)
            return false;
        Add(JinjaTokenKind.TagEnd, "");
        _at = at + 2;
        SkipAfterTag(modifier, dropsNewline: close == "%}");
        return true;
    }

    // Returns by how much the token opens or closes brackets.
    private int ReadTokenInTag()
    {
        char c = _source[_at];
        if (IsNameStart(c))
            AddRun(JinjaTokenKind.Name, RunEnd(_at, next => IsNameStart(next) || char.IsDigit(next)));
        else if (char.IsAsciiDigit(c))
            ReadNumber();
        else if (c is '\'' or '"')
            ReadString(c);
        else
            return ReadOperator();
        return 0;
    }

    private int ReadOperator()
    {
        string? symbol = Array.Find(Operators, candidate => string.CompareOrdinal(_source, _at, candidate, 0, candidate.Length) == 0);
        if (symbol is null)
            throw JinjaError.At(CurrentLine(), $"the character '{_source[_at]}' has no meaning in a tag");
        Add(JinjaTokenKind.Operator, symbol);
        _at += symbol.Length;
        return symbol is "(" or "[" or "{" ? 1 : symbol is ")" or "]" or "}" ? -1 : 0;
    }

    private static bool IsNameStart(char c) => char.IsLetter(c) || c == '_';

    private void ReadNumber()
    {
        int end = RunEnd(_at, IsDigit);
        if (end == _at + 1 && _source[_at] == '0' && end < _source.Length && char.ToLowerInvariant(_source[end]) is 'x' or 'o' or 'b')
        {
            AddRun(JinjaTokenKind.Integer, RunEnd(end + 1, next => char.IsAsciiHexDigit(next) || next == '_'));
            return;
        }

        bool isFloat = end + 1 < _source.Length && _source[end] == '.' && char.IsAsciiDigit(_source[end + 1]);
        if (isFloat)
            end = RunEnd(end + 1, IsDigit);
        if (end < _source.Length && _source[end] is 'e' or 'E')
        {
            int digits = end + 1 < _source.Length && _source[end + 1] is '+' or '-' ? end + 2 : end + 1;
            int exponentEnd = RunEnd(digits, IsDigit);
            isFloat |= exponentEnd > digits;
            end = exponentEnd > digits ? exponentEnd : end;
        }

        AddRun(isFloat ? JinjaTokenKind.Float : JinjaTokenKind.Integer, end);
    }

    private static bool IsDigit(char c) => char.IsAsciiDigit(c) || c == '_';

    private void ReadString(char quote)
    {
        int start = _at;
        for (_at++; _at < _source.Length && _source[_at] != quote; _at++)
        {
            if (_source[_at] == '\\')
                _at++;
        }

        if (_at >= _source.Length)
            throw JinjaError.At(CurrentLine(), "a string that is not closed");
        string body = _source[(start + 1).._at];
        Add(JinjaTokenKind.String, body.Contains('\\') ? JinjaEscapes.Read(body, CurrentLine()) : body);
        _at++;
    }

    private int RunEnd(int from, Func<char, bool> belongs)
    {
        int end = from;
        while (end < _source.Length && belongs(_source[end]))
            end++;
        return end;
    }

    private void AddRun(JinjaTokenKind kind, int end)
    {
        Add(kind, _source[_at..end]);
        _at = end;
    }

    private void AddText(string text)
    {
        if (text.Length > 0)
            Add(JinjaTokenKind.Text, text);
    }

    private void Add(JinjaTokenKind kind, string text) => _tokens.Add(new(kind, text, CurrentLine()));

    private int CurrentLine()
    {
        int to = Math.Min(_at, _source.Length);
        if (to > _lineCountedTo)
        {
            _line += _source.AsSpan(_lineCountedTo, to - _lineCountedTo).Count('\n');
            _lineCountedTo = to;
        }

        return _line;
    }
}
