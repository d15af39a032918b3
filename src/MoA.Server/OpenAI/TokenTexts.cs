using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Server.OpenAI;

/// <summary>Writes how likely tokens were, each with its text and its bytes.</summary>
internal static class TokenTexts
{
    /// <summary>A token's text by itself; what is no whole character is U+FFFD.</summary>
    public static string Of(Tokenizer tokenizer, int token) => tokenizer.Decode([token]);

    /// <summary><c>{"content":[{"token":…,"logprob":…,"bytes":[…],"top_logprobs":[…]}],"refusal":null}</c>, as chat has it.</summary>
    public static void WriteContent(Utf8JsonWriter json, Tokenizer tokenizer, IReadOnlyList<TokenLogProbability> tokens)
    {
        json.WriteStartObject();
        json.WritePropertyName("content");
        WriteList(json, tokenizer, tokens);
        json.WriteNull("refusal");
        json.WriteEndObject();
    }

    /// <summary>The list of tokens alone.</summary>
    public static void WriteList(Utf8JsonWriter json, Tokenizer tokenizer, IReadOnlyList<TokenLogProbability> tokens)
    {
        json.WriteStartArray();
        foreach (TokenLogProbability token in tokens)
        {
            json.WriteStartObject();
            WriteToken(json, tokenizer, token.Token, token.LogProbability);
            json.WriteStartArray("top_logprobs");
            foreach ((int other, double logProbability) in token.Top)
            {
                json.WriteStartObject();
                WriteToken(json, tokenizer, other, logProbability);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>A number that JSON can say; a token that could not come has the least.</summary>
    public static double Finite(double logProbability) => double.IsFinite(logProbability) ? logProbability : -9999;

    private static void WriteToken(Utf8JsonWriter json, Tokenizer tokenizer, int token, double logProbability)
    {
        string text = Of(tokenizer, token);
        json.WriteString("token", text);
        json.WriteNumber("logprob", Finite(logProbability));
        json.WriteStartArray("bytes");
        foreach (byte part in tokenizer.BytesOf(token))
            json.WriteNumberValue(part);
        json.WriteEndArray();
    }
}
