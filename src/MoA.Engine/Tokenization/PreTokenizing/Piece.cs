namespace MoA.Engine.Tokenization.PreTokenizing;

/// <summary>Where a piece stands, which decides whether a prefix space is put before it.</summary>
internal enum PiecePosition
{
    /// <summary>At the very start of the text.</summary>
    TextStart,

    /// <summary>After a split or after an added token.</summary>
    Inside,

    /// <summary>Directly after text that is already encoded: never prefixed.</summary>
    Continuation,
}

/// <summary>A stretch of text between splits.</summary>
/// <param name="Text">The text, normalised, never empty.</param>
/// <param name="Position">Where it stands.</param>
internal readonly record struct Piece(string Text, PiecePosition Position);
