using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Evaluation.Prompts;

/// <summary>The members that tell what was generated, in the JSON of one prompt and of many.</summary>
internal static class GenerationJson
{
    /// <summary>Writes <c>text</c>, <c>tokens</c>, <c>finishReason</c>, <c>promptTokens</c>, and <c>lookup</c> and <c>logProbabilities</c> if there are any.</summary>
    public static void Write(Utf8JsonWriter writer, GenerationResult result, LanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(result);
        ArgumentNullException.ThrowIfNull(model);
        writer.WriteString("text", result.Text);
        writer.WriteStartArray("tokens");
        foreach (int token in result.Tokens)
            writer.WriteNumberValue(token);
        writer.WriteEndArray();
        writer.WriteString("finishReason", result.Finish switch
        {
            FinishReason.Stop => "stop",
            FinishReason.Length => "length",
            _ => throw new ArgumentException("The generation has not come to its end.", nameof(result)),
        });
        writer.WriteNumber("promptTokens", result.PromptTokens);
        if (result.Lookup is LookupCounts lookup)
        {
            writer.WriteStartObject("lookup");
            writer.WriteNumber("steps", lookup.Steps);
            writer.WriteNumber("drafted", lookup.Drafted);
            writer.WriteNumber("accepted", lookup.Accepted);
            writer.WriteEndObject();
        }

        if (result.LogProbabilities.Count > 0)
            WriteLogProbabilities(writer, result.LogProbabilities, model.Tokenizer);
    }

    private static void WriteLogProbabilities(Utf8JsonWriter writer, IReadOnlyList<TokenLogProbability> tokens, Tokenizer? tokenizer)
    {
        writer.WriteStartArray("logProbabilities");
        foreach (TokenLogProbability token in tokens)
        {
            writer.WriteStartObject();
            WriteToken(writer, token.Token, token.LogProbability, tokenizer);
            writer.WriteStartArray("top");
            foreach ((int other, double logProbability) in token.Top)
            {
                writer.WriteStartObject();
                WriteToken(writer, other, logProbability, tokenizer);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void WriteToken(Utf8JsonWriter writer, int token, double logProbability, Tokenizer? tokenizer)
    {
        writer.WriteNumber("token", token);
        if (tokenizer is not null)
            writer.WriteString("text", tokenizer.Decode([token]));
        writer.WriteNumber("logProbability", logProbability);
    }
}
