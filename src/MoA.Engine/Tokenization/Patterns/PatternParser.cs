using System.Globalization;

namespace MoA.Engine.Tokenization.Patterns;

/// <summary>
/// Reads the part of Oniguruma's Ruby syntax that pre-tokenizers use: literals, classes (with nesting and
/// <c>&amp;&amp;</c>), <c>\p{…}</c> of general categories, groups, <c>(?i:…)</c>, look-ahead, look-behind over one code point,
/// greedy, lazy and possessive repetition, anchors. Anything else is refused by name.
/// </summary>
internal sealed class PatternParser
{
    private const int MaximumDepth = 100;

    private readonly string _source;
    private int _at;
    private int _depth;
    private bool _ignoreCase;

    private PatternParser(string source) => _source = source;

    /// <exception cref="InvalidInputException">The expression is malformed or uses an unsupported construct.</exception>
    public static PatternNode Parse(string source)
    {
        var parser = new PatternParser(source);
        PatternNode node = parser.ParseAlternation();
        if (!parser.AtEnd)
            throw parser.Refuse($"an unmatched '{parser.Current}'");
        return node;
    }

    private bool AtEnd => _at >= _source.Length;

    private char Current => _source[_at];

    private PatternNode ParseAlternation()
    {
        if (++_depth > MaximumDepth)
            throw Refuse("groups nested too deeply");
        bool ignoreCase = _ignoreCase;
        var choices = new List<PatternNode> { ParseConcatenation() };
        while (Take('|'))
            choices.Add(ParseConcatenation());
        _ignoreCase = ignoreCase;
        _depth--;
        return choices.Count == 1 ? choices[0] : new AlternationNode(choices);
    }

    private ConcatenationNode ParseConcatenation()
    {
        var parts = new List<PatternNode>();
        while (!AtEnd && Current is not ('|' or ')'))
        {
            if (TryTake("(?i)"))
                _ignoreCase = true;
            else if (TryTake("(?-i)"))
                _ignoreCase = false;
            else
                parts.Add(ParseRepetition());
        }

        return new ConcatenationNode(parts);
    }

    private PatternNode ParseRepetition()
    {
        PatternNode node = ParseAtom();
        while (TryReadQuantifier(out int minimum, out int maximum))
        {
            if (node.MatchesEmpty && maximum > 1)
                throw Refuse("a repeated part that can match nothing");
            bool lazy = Take('?');
            bool possessive = !lazy && Take('+');
            node = new RepetitionNode(node, minimum, maximum, lazy);
            if (possessive)
                node = new AtomicNode(node);
        }

        return node;
    }

    private bool TryReadQuantifier(out int minimum, out int maximum)
    {
        (minimum, maximum) = (0, int.MaxValue);
        if (Take('*'))
            return true;
        if (Take('+'))
        {
            minimum = 1;
            return true;
        }

        if (Take('?'))
        {
            maximum = 1;
            return true;
        }

        return !AtEnd && Current == '{' && TryReadBounds(out minimum, out maximum);
    }

    private bool TryReadBounds(out int minimum, out int maximum)
    {
        (minimum, maximum) = (0, int.MaxValue);
        int close = _source.IndexOf('}', _at);
        if (close < 0)
            return false;
        string[] bounds = _source[(_at + 1)..close].Split(',');
        if (bounds.Length > 2 || bounds.Any(bound => !bound.All(char.IsAsciiDigit)) || bounds.All(bound => bound.Length == 0))
            return false; // a brace that is no quantifier stands for itself
        minimum = bounds[0].Length == 0 ? 0 : ReadBound(bounds[0]);
        if (bounds.Length == 1)
            maximum = minimum;
        else if (bounds[1].Length > 0)
            maximum = ReadBound(bounds[1]);
        if (minimum > maximum)
            throw Refuse($"the bounds {{{minimum},{maximum}}}");
        _at = close + 1;
        return true;
    }

    private int ReadBound(string digits) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int bound) && bound <= 1000
            ? bound
            : throw Refuse($"the bound {digits} (at most 1000)");

    private PatternNode ParseAtom()
    {
        char c = Current;
        switch (c)
        {
            case '(':
                return ParseGroup();
            case '[':
                return Set(new PatternClassReader(_source, _at, Refuse).Read(out _at));
            case '.':
                _at++;
                return new SetNode(CodePointSet.AllButLineFeed);
            case '^':
                _at++;
                return new AnchorNode(PatternAnchor.LineStart);
            case '$':
                _at++;
                return new AnchorNode(PatternAnchor.LineEnd);
            case '*' or '+' or '?':
                throw Refuse($"a '{c}' with nothing before it");
            case '\\':
                return ParseEscape();
            default:
                int codePoint = char.ConvertToUtf32(_source, _at);
                _at += char.IsHighSurrogate(c) ? 2 : 1;
                return Set(CodePointSet.Of(codePoint));
        }
    }

    private SetNode Set(CodePointSet set) => new(_ignoreCase ? set.IgnoringCase() : set);

    private PatternNode ParseEscape()
    {
        PatternAnchor? anchor = _at + 1 >= _source.Length ? null : _source[_at + 1] switch
        {
            'A' => PatternAnchor.TextStart,
            'z' => PatternAnchor.TextEnd,
            'Z' => PatternAnchor.TextEndOrLastLineFeed,
            'b' => PatternAnchor.WordBoundary,
            'B' => PatternAnchor.NoWordBoundary,
            _ => null,
        };
        if (anchor is null)
            return Set(new PatternClassReader(_source, _at, Refuse).ReadEscape(out _at));
        _at += 2;
        return new AnchorNode(anchor.Value);
    }

    private PatternNode ParseGroup()
    {
        if (TryTake("(?:"))
            return CloseGroup(ParseAlternation());
        if (TryTake("(?>"))
            return new AtomicNode(CloseGroup(ParseAlternation()));
        if (TryTake("(?="))
            return new LookAheadNode(CloseGroup(ParseAlternation()), Negative: false);
        if (TryTake("(?!"))
            return new LookAheadNode(CloseGroup(ParseAlternation()), Negative: true);
        if (TryTake("(?<="))
            return LookBehind(negative: false);
        if (TryTake("(?<!"))
            return LookBehind(negative: true);
        if (TryTake("(?i:"))
            return CaseGroup(ignoreCase: true);
        if (TryTake("(?-i:"))
            return CaseGroup(ignoreCase: false);
        if (_at + 1 < _source.Length && _source[_at + 1] == '?')
            throw Refuse($"the group '{_source.AsSpan(_at, Math.Min(4, _source.Length - _at))}'");
        _at++;
        return CloseGroup(ParseAlternation());
    }

    private PatternNode CaseGroup(bool ignoreCase)
    {
        bool outer = _ignoreCase;
        _ignoreCase = ignoreCase;
        PatternNode body = CloseGroup(ParseAlternation());
        _ignoreCase = outer;
        return body;
    }

    private LookBehindNode LookBehind(bool negative) => CloseGroup(ParseAlternation()) switch
    {
        ConcatenationNode { Parts: [SetNode { Set: var set }] } => new LookBehindNode(set, negative),
        _ => throw Refuse("a look-behind over more than one character"),
    };

    private PatternNode CloseGroup(PatternNode body) => Take(')') ? body : throw Refuse("a group that is not closed");

    private bool Take(char c)
    {
        if (AtEnd || Current != c)
            return false;
        _at++;
        return true;
    }

    private bool TryTake(string text)
    {
        if (string.CompareOrdinal(_source, _at, text, 0, text.Length) != 0)
            return false;
        _at += text.Length;
        return true;
    }

    private InvalidInputException Refuse(string what) =>
        new($"the pattern '{_source}' has {what} near character {_at + 1}; this is not supported");
}
