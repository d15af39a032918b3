using MoA.Engine.Tokenization.Patterns;

namespace MoA.Engine.Tokenization.PreTokenizing;

/// <summary>Splits at the matches of a pattern (or, inverted, at the text between them).</summary>
internal sealed class SplitPreTokenizer(Pattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    public override void Split(Piece piece, List<Piece> output)
    {
        List<PatternMatch> matches = pattern.Matches(piece.Text);
        var parts = new List<Part>(matches.Count + 1);
        int from = 0;
        foreach (PatternMatch match in matches)
        {
            if (match.Start > from)
                parts.Add(new(from, match.Start, invert));
            parts.Add(new(match.Start, match.End, !invert));
            from = match.End;
        }

        if (from < piece.Text.Length)
            parts.Add(new(from, piece.Text.Length, invert));
        foreach (Part part in Merge(parts))
            AddPart(piece, part.Start, part.End, output);
    }

    private IEnumerable<Part> Merge(List<Part> parts) => behavior switch
    {
        SplitBehavior.Removed => parts.Where(part => !part.IsDelimiter),
        SplitBehavior.Isolated => parts,
        SplitBehavior.Contiguous => MergeRuns(parts, (last, part) => last.IsDelimiter == part.IsDelimiter),
        SplitBehavior.MergedWithPrevious => MergeRuns(parts, (last, part) => part.IsDelimiter && !last.IsDelimiter),
        _ => MergeRuns(parts, (last, part) => last.IsDelimiter && !part.IsDelimiter),
    };

    // Joins a part to the one directly before it where the two may be joined.
    private static List<Part> MergeRuns(List<Part> parts, Func<Part, Part, bool> joins)
    {
        var merged = new List<Part>(parts.Count);
        for (int i = 0; i < parts.Count; i++)
        {
            if (i > 0 && joins(parts[i - 1], parts[i]))
                merged[^1] = merged[^1] with { End = parts[i].End };
            else
                merged.Add(parts[i]);
        }

        return merged;
    }

    private readonly record struct Part(int Start, int End, bool IsDelimiter);
}
