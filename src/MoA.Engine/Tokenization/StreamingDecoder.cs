using MoA.Engine.Tokenization.Decoding;

namespace MoA.Engine.Tokenization;

/// <summary>
/// Decodes one text token by token. The pieces, with the last from <see cref="Flush"/>, add up to exactly what
/// <see cref="Tokenizer.Decode"/> gives for all ids; a piece never ends within a character.
/// </summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly TextStage _text = new();
    private readonly DecodingStage _first;

    internal StreamingDecoder(Tokenizer tokenizer, TokenDecoder decoder, bool skipSpecialTokens)
    {
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
        _first = decoder.Start(_text);
    }

    /// <summary>Takes the next token.</summary>
    /// <param name="id">Token id; one that no token has is passed over.</param>
    /// <returns>The text that is certain by now; empty while a character is incomplete.</returns>
    public string Push(int id)
    {
        string token = _tokenizer.TokenText(id);
        if (token.Length > 0 && !(_skipSpecialTokens && _tokenizer.IsSpecial(id)))
        {
            if (_tokenizer.IsAdded(id))
                _first.PushAdded(token);
            else
                _first.Push(token, endsToken: true);
        }

        return _text.Take();
    }

    /// <summary>Ends the text; call it once, after the last token.</summary>
    /// <returns>What was held back; incomplete characters become U+FFFD.</returns>
    public string Flush()
    {
        _first.Flush();
        return _text.Take();
    }
}
