namespace MoA.Engine.Tokenization.Bpe;

/// <summary>The variants of byte-pair encoding.</summary>
internal sealed record BpeOptions
{
    /// <summary>The token for characters that the vocabulary lacks; null drops them.</summary>
    public string? UnknownToken { get; init; }

    /// <summary>Writes neighbouring unknown characters as one unknown token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>Writes a character that the vocabulary lacks as its UTF-8 bytes, tokens <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>Takes a word that is a token as that token, even where the merges would not get there.</summary>
    public bool IgnoreMerges { get; init; }
}
