using MoA.Engine.Tokenization.Bpe;
using MoA.Engine.Tokenization.Decoding;
using MoA.Engine.Tokenization.Normalizing;
using MoA.Engine.Tokenization.PreTokenizing;

namespace MoA.Engine.Tokenization;

/// <summary>What a tokenizer is composed of, whatever file it was read from.</summary>
internal sealed record TokenizerParts
{
    /// <summary>Rewrites the text first; null leaves it as it is.</summary>
    public Normalizer? Normalizer { get; init; }

    /// <summary>Splits the text into words; null makes one word of it.</summary>
    public PreTokenizer? PreTokenizer { get; init; }

    /// <summary>Encodes words.</summary>
    public required SubwordModel Model { get; init; }

    /// <summary>Turns tokens back into text.</summary>
    public required TokenDecoder Decoder { get; init; }

    /// <summary>Tokens that are found in the text before anything else.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>Ids put before a text when special tokens are added.</summary>
    public IReadOnlyList<int> Prefix { get; init; } = [];

    /// <summary>Ids put after a text when special tokens are added.</summary>
    public IReadOnlyList<int> Suffix { get; init; } = [];

    /// <summary>The token that begins a text; null where the model names none.</summary>
    public string? BosToken { get; init; }

    /// <summary>The token that ends a text; null where the model names none.</summary>
    public string? EosToken { get; init; }
}
