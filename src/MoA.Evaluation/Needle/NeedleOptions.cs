namespace MoA.Evaluation.Needle;

/// <summary>What is hidden in what, and where.</summary>
internal sealed record NeedleOptions
{
    /// <summary>The fact that is hidden; null for a secret number that differs in every item.</summary>
    public string? Needle { get; init; }

    /// <summary>The question about an own fact.</summary>
    public string? Question { get; init; }

    /// <summary>The words that a right answer to an own question contains; case, articles and punctuation aside.</summary>
    public string? Answer { get; init; }

    /// <summary>Lines of the text in which the fact is hidden; null for the Shakespeare that comes with the program.</summary>
    public IReadOnlyList<string>? Haystack { get; init; }

    /// <summary>Number of depths, from the document's start to its end in equal steps; at least 1.</summary>
    public int Depths { get; init; } = 11;

    /// <summary>Items at each depth and length.</summary>
    public int ItemsPerCell { get; init; } = 1;

    /// <summary>Most tokens of an answer.</summary>
    public int MaxNewTokens { get; init; } = 32;
}
