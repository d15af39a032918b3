using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Server.OpenAI;

/// <summary>
/// How likely the tokens of a text were, in the form of <c>/v1/completions</c>: <c>tokens</c>, <c>token_logprobs</c>, <c>top_logprobs</c> and <c>text_offset</c>. The
/// first token of a prompt has nothing before it, so nothing is known of it.
/// </summary>
internal sealed class CompletionTokens(Tokenizer tokenizer)
{
    private readonly List<(string Text, int Offset, TokenLogProbability? Score)> _tokens = [];
    private int _offset;

    /// <summary>How many tokens there are since <see cref="Clear"/>.</summary>
    public int Count => _tokens.Count;

    /// <summary>Whether none was ever added.</summary>
    public bool IsEmpty { get; private set; } = true;

    /// <summary>Adds a prompt, which the text begins with.</summary>
    /// <param name="prompt">Its tokens.</param>
    /// <param name="text">Its text, in which special tokens may not be written, such as one that begins every text.</param>
    /// <param name="scores">How likely its tokens behind the first were.</param>
    public void AddPrompt(ReadOnlySpan<int> prompt, string text, IReadOnlyList<TokenLogProbability> scores)
    {
        IsEmpty = false;
        StreamingDecoder decoder = tokenizer.CreateStream(skipSpecialTokens: false);
        for (int i = 0; i < prompt.Length; i++)
        {
            _tokens.Add((TokenTexts.Of(tokenizer, prompt[i]), _offset, i == 0 ? null : scores[i - 1]));
            string written = decoder.Push(prompt[i]);
            if (text.AsSpan(_offset).StartsWith(written, StringComparison.Ordinal))
                _offset += written.Length;
        }

        _offset = text.Length;
    }

    /// <summary>Adds tokens that were written.</summary>
    public void Add(IReadOnlyList<TokenLogProbability> scores)
    {
        IsEmpty &= scores.Count == 0;
        for (int i = 0; i < scores.Count; i++)
        {
            string text = TokenTexts.Of(tokenizer, scores[i].Token);
            _tokens.Add((text, _offset, scores[i]));
            _offset += text.Length;
        }
    }

    /// <summary>Drops the tokens; the next ones stand behind them.</summary>
    public void Clear() => _tokens.Clear();

    /// <summary>Writes them as an object.</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartArray("tokens");
        foreach ((string text, _, _) in _tokens)
            json.WriteStringValue(text);
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        foreach ((_, _, TokenLogProbability? score) in _tokens)
        {
            if (score is null)
                json.WriteNullValue();
            else
                json.WriteNumberValue(TokenTexts.Finite(score.LogProbability));
        }

        json.WriteEndArray();
        json.WriteStartArray("top_logprobs");
        foreach ((string text, _, TokenLogProbability? score) in _tokens)
            WriteTop(json, text, score);
        json.WriteEndArray();
        json.WriteStartArray("text_offset");
        foreach ((_, int offset, _) in _tokens)
            json.WriteNumberValue(offset);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // The token itself is always among them, as OpenAI has it. Parts of characters look alike; the likeliest stands for them.
    private void WriteTop(Utf8JsonWriter json, string text, TokenLogProbability? score)
    {
        if (score is null)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        HashSet<string> seen = new(score.Top.Count + 1);
        foreach ((int other, double logProbability) in score.Top)
        {
            string otherText = TokenTexts.Of(tokenizer, other);
            if (seen.Add(otherText))
                json.WriteNumber(otherText, TokenTexts.Finite(logProbability));
        }

        if (seen.Add(text))
            json.WriteNumber(text, TokenTexts.Finite(score.LogProbability));
        json.WriteEndObject();
    }
}
