using System.Globalization;
using System.Text;

namespace MoA.Serving.Chat.Replies;

/// <summary>
/// Reads one value as Python writes it (texts, numbers, <c>True</c>, <c>False</c>, <c>None</c>, lists, tuples, dictionaries with texts for keys) and gives it as JSON, as it
/// comes. JSON's own <c>true</c>, <c>false</c> and <c>null</c> are read too.
/// </summary>
internal sealed class PythonLiteral
{
    private const int MostDepth = 60;

    private readonly Stack<char> _open = [];
    private readonly StringBuilder _word = new();
    private State _state = State.Value;
    private bool _hasComma;
    private bool _isKey;
    private char _quote;
    private int _hexDigits;

    private enum State
    {
        Value,
        ValueOrEnd,
        KeyOrEnd,
        Colon,
        CommaOrEnd,
        Text,
        Escape,
        Hex,
        Word,
        Done,
    }

    /// <summary>Whether the value has ended; a word or number ends with the character after it.</summary>
    public bool IsDone => _state == State.Done;

    /// <summary>A text that is one such value, as JSON.</summary>
    public static bool TryRead(string text, out string? json)
    {
        PythonLiteral literal = new();
        StringBuilder read = new();
        foreach (char c in text)
        {
            if (literal.IsDone || !literal.Push(c, read))
            {
                json = null;
                return false;
            }
        }

        bool isWhole = literal.IsDone || (literal._state == State.Word && literal._open.Count == 0 && literal.EndWord(read));
        json = isWhole ? read.ToString() : null;
        return isWhole;
    }

    /// <summary>Takes the next character and adds what it is in JSON.</summary>
    /// <returns>Whether it may stand there; after a false, the reader is of no more use unless the value has ended before it.</returns>
    public bool Push(char c, StringBuilder json)
    {
        switch (_state)
        {
            case State.Text:
                return Text(c, json);
            case State.Escape:
                return Escape(c, json);
            case State.Hex:
                return Hex(c, json);
            case State.Word when char.IsAsciiLetterOrDigit(c) || c is '.' or '+' or '-' or '_':
                _ = _word.Append(c);
                return _word.Length < 400;
            case State.Word:
                return EndWord(json) && !IsDone && Push(c, json);
            case State.Done:
                return false;
        }

        return char.IsWhiteSpace(c) || Structure(c, json);
    }

    private bool Structure(char c, StringBuilder json)
    {
        switch (_state, c)
        {
            case (State.Value or State.ValueOrEnd or State.KeyOrEnd, '"' or '\''):
                Comma(json);
                _ = json.Append('"');
                (_quote, _isKey, _state) = (c, _state == State.KeyOrEnd, State.Text);
                return true;
            case (State.Value or State.ValueOrEnd, '[' or '(' or '{') when _open.Count < MostDepth:
                Comma(json);
                _ = json.Append(c == '{' ? '{' : '[');
                _open.Push(c);
                _state = c == '{' ? State.KeyOrEnd : State.ValueOrEnd;
                return true;
            case (State.ValueOrEnd or State.CommaOrEnd, ']' or ')') when _open.Peek() == (c == ']' ? '[' : '('):
            case (State.KeyOrEnd or State.CommaOrEnd, '}') when _open.Peek() == '{':
                _ = json.Append(_open.Pop() == '{' ? '}' : ']');
                _hasComma = false;
                EndValue();
                return true;
            case (State.CommaOrEnd, ','):
                _hasComma = true; // one behind the last value says nothing
                _state = _open.Peek() == '{' ? State.KeyOrEnd : State.ValueOrEnd;
                return true;
            case (State.Colon, ':'):
                _ = json.Append(": ");
                _state = State.Value;
                return true;
            case (State.Value or State.ValueOrEnd, _) when char.IsAsciiLetterOrDigit(c) || c is '-' or '+' or '.':
                _ = _word.Clear().Append(c);
                _state = State.Word;
                return true;
            default:
                return false;
        }
    }

    private void Comma(StringBuilder json)
    {
        if (_hasComma)
            _ = json.Append(", ");
        _hasComma = false;
    }

    private void EndValue() => _state = _open.Count == 0 ? State.Done : State.CommaOrEnd;

    private bool EndWord(StringBuilder json)
    {
        string word = _word.ToString();
        string? value = word switch { "True" or "true" => "true", "False" or "false" => "false", "None" or "null" => "null", _ => Number(word) };
        if (value is null)
            return false;
        Comma(json);
        _ = json.Append(value);
        EndValue();
        return true;
    }

    // 1_000, +5, .5 and 5. are numbers in Python, and written otherwise in JSON.
    private static string? Number(string word)
    {
        string digits = word.Replace("_", "", StringComparison.Ordinal).TrimStart('+');
        string sign = digits.StartsWith('-') ? "-" : "";
        digits = digits[sign.Length..];
        if (digits.StartsWith('.'))
            digits = "0" + digits;
        digits = digits.Replace(".e", ".0e", StringComparison.OrdinalIgnoreCase);
        if (digits.EndsWith('.'))
            digits += "0";
        JsonScanner json = new();
        foreach (char c in sign + digits)
        {
            if (!json.Push(c))
                return null;
        }

        return json.Push(' ') || json.IsDone ? sign + digits : null;
    }

    private bool Text(char c, StringBuilder json)
    {
        if (c == _quote)
        {
            _ = json.Append('"');
            if (_isKey)
                _state = State.Colon;
            else
                EndValue();
            _isKey = false;
        }
        else if (c == '\\')
        {
            _state = State.Escape;
        }
        else
        {
            Append(c, json);
        }

        return true;
    }

    private bool Escape(char c, StringBuilder json)
    {
        _state = State.Text;
        switch (c)
        {
            case 'n' or 't' or 'r' or 'b' or 'f' or '\\' or '"':
                _ = json.Append('\\').Append(c);
                break;
            case '\'' or '/':
                _ = json.Append(c);
                break;
            case '\n':
                break;
            case 'x' or 'u' or 'U':
                (_state, _hexDigits) = (State.Hex, c == 'x' ? 2 : c == 'u' ? 4 : 8);
                _ = _word.Clear();
                break;
            case 'a' or 'v' or '0':
                Append(c == 'a' ? '\a' : c == 'v' ? '\v' : '\0', json);
                break;
            default:
                _ = json.Append("\\\\");
                Append(c, json);
                break;
        }

        return true;
    }

    private bool Hex(char c, StringBuilder json)
    {
        if (!char.IsAsciiHexDigit(c))
            return false;
        if (_word.Append(c).Length < _hexDigits)
            return true;
        _state = State.Text;
        uint code = uint.Parse(_word.ToString(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        if (code > 0x10FFFF)
            return false;
        if (code is >= 0xD800 and < 0xE000)
            _ = json.Append(CultureInfo.InvariantCulture, $"\\u{code:x4}"); // one half; the other may follow
        else
            foreach (char part in char.ConvertFromUtf32((int)code))
                Append(part, json);
        return true;
    }

    private static void Append(char c, StringBuilder json)
    {
        if (c is '"' or '\\')
            _ = json.Append('\\').Append(c);
        else if (c < ' ')
            _ = json.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        else
            _ = json.Append(c);
    }
}
