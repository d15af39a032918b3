namespace MoA.Engine.Tokenization;

/// <summary>A token that is found in the text before the text is split and encoded.</summary>
internal sealed record AddedToken(int Id, string Content)
{
    /// <summary>A control token such as an end of turn; left out of decoded text on request.</summary>
    public bool Special { get; init; }

    /// <summary>Found only where no word character stands next to it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Takes the white space before it along.</summary>
    public bool StripsLeft { get; init; }

    /// <summary>Takes the white space after it along.</summary>
    public bool StripsRight { get; init; }

    /// <summary>Looked for in the normalised text rather than in the original.</summary>
    public bool Normalized { get; init; }
}
