namespace MoA.Engine.Tokenization.Patterns;

/// <summary>
/// A regular expression as tokenizer files write them (Oniguruma, Ruby syntax), run over code points. .NET's own engine
/// works on UTF-16 units, so that <c>\p{L}</c> or a negated class would see half of a letter above U+FFFF.
/// Immutable and safe to share between threads.
/// </summary>
internal sealed class Pattern
{
    private const long StepsPerCharacter = 2_000;
    private const long BaseSteps = 100_000;

    private readonly string _source;
    private readonly PatternInstruction[] _program;

    /// <exception cref="InvalidInputException">The expression is malformed or uses an unsupported construct.</exception>
    public Pattern(string source)
    {
        _source = source;
        _program = PatternCompiler.Compile(source);
    }

    /// <summary>
    /// The matches in <paramref name="text"/> (well-formed UTF-16) from left to right, none overlapping; an empty match is
    /// left out directly after another match.
    /// </summary>
    /// <exception cref="InvalidInputException">The pattern takes too many steps on this text.</exception>
    public List<PatternMatch> Matches(string text)
    {
        var matches = new List<PatternMatch>();
        var matcher = new PatternMatcher(_program, text, BaseSteps + StepsPerCharacter * text.Length);
        int lastEnd = -1;
        for (int start = 0; start <= text.Length;)
        {
            int end = matcher.Match(start);
            if (!matcher.HasSteps)
                throw new InvalidInputException($"the pattern '{_source}' takes too many steps on a text of {text.Length} characters");
            bool found = end > start || (end == start && end != lastEnd);
            if (found)
            {
                matches.Add(new(start, end));
                lastEnd = end;
            }

            if (end > start)
                start = end;
            else
                start += start < text.Length && char.IsHighSurrogate(text[start]) ? 2 : 1;
        }

        return matches;
    }
}
