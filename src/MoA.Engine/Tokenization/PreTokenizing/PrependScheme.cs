namespace MoA.Engine.Tokenization.PreTokenizing;

/// <summary>Which pieces get the space mark in front.</summary>
internal enum PrependScheme
{
    /// <summary>Only the one at the start of the text.</summary>
    First,

    /// <summary>None.</summary>
    Never,

    /// <summary>Every piece, also after an added token.</summary>
    Always,
}
