using System.Globalization;

namespace MoA.Engine.Tokenization.Patterns;

/// <summary>Reads bracketed classes and the escapes that stand for code points or sets of them.</summary>
internal sealed class PatternClassReader
{
    private const int MaximumDepth = 20;

    private readonly string _source;
    private readonly Func<string, InvalidInputException> _refuse;
    private int _at;
    private int _depth;

    public PatternClassReader(string source, int at, Func<string, InvalidInputException> refuse)
    {
        _source = source;
        _at = at;
        _refuse = refuse;
    }

    /// <summary>Reads a class from its opening bracket.</summary>
    public CodePointSet Read(out int end)
    {
        CodePointSet set = ReadClass();
        end = _at;
        return set;
    }

    /// <summary>Reads an escape from its backslash.</summary>
    public CodePointSet ReadEscape(out int end)
    {
        (int codePoint, CodePointSet? set) = ReadMember();
        end = _at;
        return set ?? CodePointSet.Of(codePoint);
    }

    private char Current => _at < _source.Length ? _source[_at] : throw _refuse("a class or escape that is not closed");

    private CodePointSet ReadClass()
    {
        if (++_depth > MaximumDepth)
            throw _refuse("classes nested too deeply");
        _at++;
        bool negative = Current == '^';
        if (negative)
            _at++;
        CodePointSet? intersected = null;
        CodePointSet members = CodePointSet.Empty;
        for (bool first = true; first || Current != ']'; first = false)
        {
            if (Current == '&' && _at + 1 < _source.Length && _source[_at + 1] == '&')
            {
                _at += 2;
                intersected = intersected?.Intersection(members) ?? members;
                members = CodePointSet.Empty;
            }
            else
            {
                members = members.Union(ReadRange());
            }
        }

        _at++;
        _depth--;
        CodePointSet set = intersected?.Intersection(members) ?? members;
        return negative ? set.Complement() : set;
    }

    private CodePointSet ReadRange()
    {
        if (Current == '[')
        {
            if (_source.AsSpan(_at).StartsWith("[:"))
                throw _refuse("a POSIX class");
            return ReadClass();
        }

        (int first, CodePointSet? set) = ReadMember();
        if (set is not null)
            return set;
        bool isRange = Current == '-' && _at + 1 < _source.Length && _source[_at + 1] != ']';
        if (!isRange)
            return CodePointSet.Of(first);
        _at++;
        (int last, CodePointSet? lastSet) = ReadMember();
        if (lastSet is not null || last < first)
            throw _refuse("a range whose end is not after its start");
        return CodePointSet.Range(first, last);
    }

    // One code point, or the set that an escape stands for.
    private (int CodePoint, CodePointSet? Set) ReadMember()
    {
        if (Current != '\\')
        {
            int literal = char.ConvertToUtf32(_source, _at);
            _at += char.IsHighSurrogate(_source[_at]) ? 2 : 1;
            return (literal, null);
        }

        _at++;
        char escape = Current;
        _at++;
        return escape switch
        {
            's' => (0, CodePointSet.WhiteSpace),
            'S' => (0, CodePointSet.WhiteSpace.Complement()),
            'd' => (0, CodePointSet.DecimalDigits),
            'D' => (0, CodePointSet.DecimalDigits.Complement()),
            'w' => (0, CodePointSet.Word),
            'W' => (0, CodePointSet.Word.Complement()),
            'h' => (0, CodePointSet.HexDigits),
            'H' => (0, CodePointSet.HexDigits.Complement()),
            'p' => (0, ReadProperty()),
            'P' => (0, ReadProperty().Complement()),
            'n' => ('\n', null),
            'r' => ('\r', null),
            't' => ('\t', null),
            'f' => ('\f', null),
            'v' => ('\v', null),
            'a' => ('\a', null),
            'e' => (0x1B, null),
            '0' => (0, null),
            'x' => (ReadHexadecimal(2), null),
            'u' => (ReadHexadecimal(4), null),
            _ when char.IsAsciiLetterOrDigit(escape) => throw _refuse($"the escape '\\{escape}'"),
            _ when char.IsSurrogate(escape) => throw _refuse("an escaped character above U+FFFF"),
            _ => (escape, null),
        };
    }

    private int ReadHexadecimal(int digits)
    {
        ReadOnlySpan<char> hex;
        if (Current == '{')
        {
            hex = ReadBraced();
        }
        else
        {
            int length = Math.Min(digits, _source.Length - _at);
            hex = _source.AsSpan(_at, length);
            _at += length;
        }

        return int.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            && value is >= 0 and <= 0x10FFFF
            ? value
            : throw _refuse($"the code point '{hex}'");
    }

    private ReadOnlySpan<char> ReadBraced()
    {
        int close = _source.IndexOf('}', _at);
        if (Current != '{' || close < 0)
            throw _refuse("an escape without its braces");
        ReadOnlySpan<char> name = _source.AsSpan(_at + 1, close - _at - 1);
        _at = close + 1;
        return name;
    }

    private CodePointSet ReadProperty()
    {
        string name = Current == '{' ? ReadBraced().ToString() : Current.ToString();
        if (name.Length == 1 && _source[_at - 1] != '}')
            _at++;
        bool negative = name.StartsWith('^');
        CodePointSet set = UnicodeCategories.Find(negative ? name[1..] : name)
            ?? throw _refuse($"the property '{name}'");
        return negative ? set.Complement() : set;
    }
}
