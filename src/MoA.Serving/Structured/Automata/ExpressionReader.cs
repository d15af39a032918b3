using System.Globalization;
using System.Text;
using MoA.Engine;

namespace MoA.Serving.Structured.Automata;

/// <summary>
/// Reads a pattern of JSON Schema (ECMA-262), as far as it is regular. Where dialects differ in what a class holds, a set written by its
/// members gets those that all agree on, and a set written by what it lacks none that any of them counts among those.
/// </summary>
internal sealed class ExpressionReader
{
    private const int DeepestGroup = 50;
    private const int MostRepeats = 10_000;

    private readonly string _pattern;
    private readonly string _what;
    private int _at;
    private int _depth;

    private ExpressionReader(string pattern, string what) => (_pattern, _what) = (pattern, what);

    /// <summary>Reads a pattern.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="what">Where it stands, for messages.</param>
    /// <exception cref="InvalidInputException">It is malformed, or holds something that is not supported.</exception>
    public static Expression Read(string pattern, string what)
    {
        ExpressionReader reader = new(pattern, what);
        Expression expression = reader.ReadChoice();
        return reader._at == pattern.Length ? expression : throw reader.Refuse("')' closes nothing");
    }

    private Expression ReadChoice()
    {
        if (++_depth > DeepestGroup)
            throw Refuse($"groups nest deeper than {DeepestGroup}");
        List<Expression> options = [ReadSequence()];
        while (Take('|'))
            options.Add(ReadSequence());
        _depth--;
        return options.Count == 1 ? options[0] : new Expression.Choice(options);
    }

    private Expression.Sequence ReadSequence()
    {
        List<Expression> parts = [];
        while (_at < _pattern.Length && _pattern[_at] is not ('|' or ')'))
            parts.Add(ReadRepeats(ReadPart()));
        return new Expression.Sequence(parts);
    }

    private Expression ReadPart()
    {
        char c = _pattern[_at++];
        switch (c)
        {
            case '^':
                return new Expression.Anchor(IsStart: true);
            case '$':
                return new Expression.Anchor(IsStart: false);
            case '(':
                return ReadGroup();
            case '[':
                return new Expression.Set(ReadClass());
            case '.':
                return new Expression.Set(CharacterRanges.LineEnds.Complement(CharacterRanges.Negatable));
            case '*' or '+' or '?':
                throw Refuse($"nothing stands before '{c}'");
            case '{' or '}' or ']':
                throw Refuse($"'{c}' stands alone; write '\\{c}'");
            case '\\':
                return new Expression.Set(ReadEscape(inClass: false).Members);
            default:
                _at--;
                int character = ReadCharacter();
                return new Expression.Set(CharacterRanges.Of((character, character)));
        }
    }

    private Expression ReadGroup()
    {
        if (Take('?'))
        {
            if (Take('<') && Peek() is not ('=' or '!'))
            {
                int end = _pattern.IndexOf('>', _at);
                _at = end > _at ? end + 1 : throw Refuse("a group's name lacks its '>'");
            }
            else if (!Take(':'))
            {
                throw Refuse("looking ahead or behind is not supported");
            }
        }

        Expression inside = ReadChoice();
        return Take(')') ? inside : throw Refuse("a group lacks its ')'");
    }

    private Expression ReadRepeats(Expression part)
    {
        (int Least, int? Most)? times = Peek() switch
        {
            '*' => (0, null),
            '+' => (1, null),
            '?' => (0, 1),
            '{' => ReadTimes(),
            _ => null,
        };
        if (times is not var (least, most))
            return part;
        _at++;
        if (part is Expression.Anchor)
            throw Refuse("an anchor cannot be repeated");
        _ = Take('?'); // how eagerly it matches says nothing of whether it does
        return Peek() is '*' or '+' or '?' or '{' ? throw Refuse("a repetition is repeated") : new Expression.Repeat(part, least, most);
    }

    // Ends on the closing brace.
    private (int Least, int? Most) ReadTimes()
    {
        _at++;
        int least = ReadNumber();
        int? most = least;
        if (Take(','))
            most = Peek() == '}' ? null : ReadNumber();
        return Peek() == '}' && !(most < least) ? (least, most) : throw Refuse("expected {n}, {n,} or {n,m}");
    }

    private int ReadNumber()
    {
        int start = _at;
        while (Peek() is >= '0' and <= '9')
            _at++;
        return int.TryParse(_pattern.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= MostRepeats
            ? number
            : throw Refuse($"expected a count up to {MostRepeats}");
    }

    private CharacterRanges ReadClass()
    {
        bool negated = Take('^');
        CharacterRanges members = CharacterRanges.Of(), anyMembers = members;
        while (Peek() != ']')
        {
            (CharacterRanges Members, CharacterRanges Any) item = ReadClassItem(out int? first);
            if (first is int from && Peek() == '-' && _at + 1 < _pattern.Length && _pattern[_at + 1] != ']')
            {
                _at++;
                _ = ReadClassItem(out int? last);
                if (last is not int to || to < from)
                    throw Refuse("a range of characters ends before it begins, or at no character");
                CharacterRanges range = CharacterRanges.Of((from, to)).Intersect(CharacterRanges.Every);
                item = (range, range);
            }

            (members, anyMembers) = (members.Union(item.Members), anyMembers.Union(item.Any));
        }

        _at++;
        return negated ? anyMembers.Complement(CharacterRanges.Negatable) : members;
    }

    private (CharacterRanges Members, CharacterRanges Any) ReadClassItem(out int? character)
    {
        character = null;
        switch (Peek())
        {
            case null:
                throw Refuse("a class lacks its ']'");
            case '[':
                throw Refuse("'[' stands in a class; write '\\['");
            case '\\':
                _at++;
                (CharacterRanges Members, CharacterRanges Any) set = ReadEscape(inClass: true);
                if (set.Members.Ranges is [var (first, last)] && first == last)
                    character = first;
                return set;
            default:
                character = ReadCharacter();
                CharacterRanges one = CharacterRanges.Of((character.Value, character.Value));
                return (one, one);
        }
    }

    private (CharacterRanges Members, CharacterRanges Any) ReadEscape(bool inClass)
    {
        char? c = Peek();
        _at++;
        return c switch
        {
            'd' => (CharacterRanges.Digits, CharacterRanges.UnicodeDigits),
            'w' => (CharacterRanges.Word, CharacterRanges.UnicodeWord),
            's' => (CharacterRanges.Space, CharacterRanges.UnicodeSpace),
            'D' => Negated(CharacterRanges.Digits, CharacterRanges.UnicodeDigits),
            'W' => Negated(CharacterRanges.Word, CharacterRanges.UnicodeWord),
            'S' => Negated(CharacterRanges.Space, CharacterRanges.UnicodeSpace),
            't' => One('\t'),
            'n' => One('\n'),
            'v' => One('\v'),
            'f' => One('\f'),
            'r' => One('\r'),
            'b' when inClass => One('\b'),
            '0' when Peek() is not (>= '0' and <= '9') => One('\0'),
            'x' => One(ReadHex(2)),
            'u' => One(ReadUnicode()),
            null => throw Refuse("it ends in '\\'"),
            _ when c < 128 && !char.IsAsciiLetterOrDigit(c.Value) => One(c.Value),
            _ => throw Refuse($"'\\{c}' is not supported"),
        };

        static (CharacterRanges, CharacterRanges) One(int character)
        {
            CharacterRanges set = CharacterRanges.Of((character, character));
            return (set, set);
        }

        static (CharacterRanges, CharacterRanges) Negated(CharacterRanges least, CharacterRanges most) =>
            (most.Complement(CharacterRanges.Negatable), least.Complement(CharacterRanges.Every));
    }

    private int ReadUnicode()
    {
        if (!Take('{'))
        {
            int unit = ReadHex(4);
            if (char.IsHighSurrogate((char)unit) && _pattern.AsSpan(_at).StartsWith("\\u", StringComparison.Ordinal))
            {
                _at += 2;
                int low = ReadHex(4);
                return char.IsLowSurrogate((char)low) ? char.ConvertToUtf32((char)unit, (char)low) : throw Refuse("half of a character stands alone");
            }

            return char.IsSurrogate((char)unit) ? throw Refuse("half of a character stands alone") : unit;
        }

        int end = _pattern.IndexOf('}', _at);
        int length = end - _at;
        int character = length is > 0 and <= 6 ? ReadHex(length) : throw Refuse("expected \\u{…} with 1 to 6 hexadecimal digits");
        _at++;
        return Rune.IsValid(character) ? character : throw Refuse($"U+{character:X4} is no character");
    }

    private int ReadHex(int digits)
    {
        if (_at + digits > _pattern.Length ||
            !int.TryParse(_pattern.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value))
        {
            throw Refuse($"expected {digits} hexadecimal digits");
        }

        _at += digits;
        return value;
    }

    private int ReadCharacter()
    {
        if (!Rune.TryGetRuneAt(_pattern, _at, out Rune rune))
            throw Refuse("half of a character stands alone");
        _at += rune.Utf16SequenceLength;
        return rune.Value;
    }

    private char? Peek() => _at < _pattern.Length ? _pattern[_at] : null;

    private bool Take(char c)
    {
        if (Peek() != c)
            return false;
        _at++;
        return true;
    }

    private InvalidInputException Refuse(string why) => new($"{_what}: the pattern at character {Math.Min(_at, _pattern.Length)}: {why}");
}
