namespace MoA.Engine.KvCache;

/// <summary>What a token is to policies that keep some kinds.</summary>
internal enum TokenKind : byte
{
    /// <summary>A part of a text.</summary>
    Plain,

    /// <summary>A mark of the tokenizer's or the chat template's that is no text.</summary>
    Special,

    /// <summary>Spaces and punctuation alone.</summary>
    Punctuation,
}
