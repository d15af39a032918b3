using System.Text;
using MoA.Engine.KvCache;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Models;

/// <summary>The kinds of a vocabulary's tokens, by the tokenizer.</summary>
internal static class TokenKinds
{
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"; // Python's string.punctuation

    /// <summary>The kind of each token: special ones as the tokenizer says, and those whose text is ASCII's punctuation and spaces alone.</summary>
    public static TokenKind[] Of(Tokenizer? tokenizer)
    {
        if (tokenizer is null)
            return [];
        TokenKind[] kinds = new TokenKind[tokenizer.VocabularySize];
        for (int id = 0; id < kinds.Length; id++)
            kinds[id] = tokenizer.IsSpecial(id) ? TokenKind.Special : IsPunctuation(Encoding.UTF8.GetString(tokenizer.BytesOf(id))) ? TokenKind.Punctuation : TokenKind.Plain;
        return kinds;
    }

    private static bool IsPunctuation(string text) => text.Length > 0 && text.All(c => char.IsWhiteSpace(c) || Punctuation.Contains(c));
}
