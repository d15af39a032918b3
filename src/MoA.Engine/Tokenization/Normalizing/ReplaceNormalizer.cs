using System.Text;
using MoA.Engine.Tokenization.Patterns;

namespace MoA.Engine.Tokenization.Normalizing;

/// <summary>Replaces every match of a pattern by a fixed string.</summary>
internal sealed class ReplaceNormalizer(Pattern pattern, string replacement) : Normalizer
{
    public override string Normalize(string text, bool continues) => Replace(text, pattern, replacement);

    public static string Replace(string text, Pattern pattern, string replacement)
    {
        List<PatternMatch> matches = pattern.Matches(text);
        if (matches.Count == 0)
            return text;
        var result = new StringBuilder(text.Length);
        int from = 0;
        foreach (PatternMatch match in matches)
        {
            result.Append(text, from, match.Start - from).Append(replacement);
            from = match.End;
        }

        return result.Append(text, from, text.Length - from).ToString();
    }
}
