using System.Collections;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.AI;
using MoA.Engine;
using MoA.Engine.Generation;

namespace MoA.Extensions.AI.Mapping;

/// <summary>
/// How tokens are drawn. What options leave out is as the model's <c>generation_config.json</c> says; what that leaves out is as the server has it,
/// and OpenAI: temperature 1 and a seed of its own for each call.
/// </summary>
internal static class SamplingReader
{
    private const string MinP = "min_p", RepetitionPenalty = "repetition_penalty", PenaltyLastN = "penalty_last_n", NoRepeatNgramSize = "no_repeat_ngram_size",
        LogitBias = "logit_bias";

    private static readonly string[] Keys = [MinP, RepetitionPenalty, PenaltyLastN, NoRepeatNgramSize, LogitBias];

    /// <summary>What options change of it.</summary>
    public static SamplingOptions Read(ChatOptions options, SamplingOptions start)
    {
        AdditionalPropertiesDictionary more = options.AdditionalProperties ?? [];
        foreach (string key in more.Keys)
        {
            if (!Keys.Contains(key))
                throw new NotSupportedException($"ChatOptions.AdditionalProperties holds '{key}', which is not known here; expected {string.Join(", ", Keys)}");
        }

        double? topP = Widen(options.TopP);
        SamplingOptions read = start with
        {
            Temperature = Widen(options.Temperature) ?? start.Temperature,
            TopK = options.TopK ?? start.TopK,
            // The likeliest token alone holds more than so little, as those who ask for 0 want it.
            TopP = topP == 0 ? 1e-9 : topP ?? start.TopP,
            FrequencyPenalty = Widen(options.FrequencyPenalty) ?? start.FrequencyPenalty,
            PresencePenalty = Widen(options.PresencePenalty) ?? start.PresencePenalty,
            Seed = options.Seed is long seed ? unchecked((ulong)seed) : start.Seed,
            MinP = Number(more, MinP) ?? start.MinP,
            RepetitionPenalty = Number(more, RepetitionPenalty) ?? start.RepetitionPenalty,
            PenaltyLastN = Whole(more, PenaltyLastN) ?? start.PenaltyLastN,
            NoRepeatNgramSize = Whole(more, NoRepeatNgramSize) ?? start.NoRepeatNgramSize,
            LogitBias = Bias(more) ?? start.LogitBias,
        };
        read.Check();
        return read;
    }

    // The number as it was written: 0.7 of 32 bits is not 0.7 of 64, and the same number draws the same tokens on every way into the model.
    private static double? Widen(float? value) =>
        value is float number ? double.Parse(number.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture) : null;

    private static double? Number(AdditionalPropertiesDictionary more, string key) =>
        more.TryGetValue(key, out object? value) && value is not null ? Number(key, value) : null;

    private static int? Whole(AdditionalPropertiesDictionary more, string key) => Number(more, key) is not double number ? null
        : number == Math.Truncate(number) && Math.Abs(number) <= int.MaxValue ? (int)number
        : throw Unexpected(key, "a whole number");

    private static double Number(string key, object? value) => value switch
    {
        float number => Widen(number)!.Value,
        double or decimal or int or long or short or byte or uint or ulong or ushort or sbyte => Convert.ToDouble(value, CultureInfo.InvariantCulture),
        JsonElement { ValueKind: JsonValueKind.Number } json => json.GetDouble(),
        _ => throw Unexpected(key, "a number"),
    };

    private static Dictionary<int, double>? Bias(AdditionalPropertiesDictionary more)
    {
        if (!more.TryGetValue(LogitBias, out object? value) || value is null)
            return null;
        Dictionary<int, double> read = [];
        switch (value)
        {
            case IDictionary biases:
                foreach (DictionaryEntry entry in biases)
                    read[Token(Convert.ToString(entry.Key, CultureInfo.InvariantCulture))] = Number(LogitBias, entry.Value);
                return read;
            case JsonElement { ValueKind: JsonValueKind.Object } json:
                foreach (JsonProperty entry in json.EnumerateObject())
                    read[Token(entry.Name)] = Number(LogitBias, entry.Value);
                return read;
            default:
                throw Unexpected(LogitBias, "a dictionary of tokens and numbers");
        }
    }

    private static int Token(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int token) ? token : throw Unexpected(LogitBias, "tokens, which are whole numbers, as keys");

    private static InvalidInputException Unexpected(string key, string expected) => new($"ChatOptions.AdditionalProperties: expected {expected} as {key}");
}
