namespace MoA.Engine.Attention;

/// <summary>What a head keeps under <see cref="FastGenPolicy"/>, from the least to everything; the first tokens always.</summary>
internal enum HeadStrategy
{
    /// <summary>Special tokens.</summary>
    Special,

    /// <summary>And punctuation.</summary>
    Punctuation,

    /// <summary>And the tokens of most attention.</summary>
    Heavy,

    /// <summary>And recent tokens.</summary>
    Recent,

    /// <summary>Everything.</summary>
    Full,
}
