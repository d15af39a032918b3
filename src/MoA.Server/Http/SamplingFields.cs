using System.Globalization;
using System.Security.Cryptography;
using MoA.Engine.Generation;

namespace MoA.Server.Http;

/// <summary>
/// How tokens are drawn, by the fields that all routes share. What a request leaves out is as the model's <c>generation_config.json</c> says;
/// what that leaves out is as OpenAI has it.
/// </summary>
internal static class SamplingFields
{
    private const int MaxStops = 64, MaxStopCharacters = 1024;

    /// <summary>Reads them.</summary>
    public static SamplingOptions Read(JsonInput body, ServedModel served)
    {
        SamplingOptions asked = served.Service.Model.Sampling;
        return asked with
        {
            Temperature = body["temperature"].AsOptionalNumber(0, 100) ?? asked.Temperature,
            // The likeliest token alone holds more than so little, as those who ask for 0 want it.
            TopP = Math.Max(body["top_p"].AsOptionalNumber(0, 1) ?? asked.TopP, 1e-9),
            TopK = Math.Max(body["top_k"].AsOptionalInt32(-1) ?? asked.TopK, 0),
            MinP = body["min_p"].AsOptionalNumber(0, 1) ?? asked.MinP,
            RepetitionPenalty = (body["repetition_penalty"] is { HasValue: true } penalty ? penalty : body["repeat_penalty"]).AsOptionalNumber(0.001, 1000)
                ?? asked.RepetitionPenalty,
            FrequencyPenalty = body["frequency_penalty"].AsOptionalNumber(-100, 100) ?? asked.FrequencyPenalty,
            PresencePenalty = body["presence_penalty"].AsOptionalNumber(-100, 100) ?? asked.PresencePenalty,
            LogitBias = ReadBias(body["logit_bias"], served),
            Seed = body["seed"].AsOptionalInteger() is long seed ? unchecked((ulong)seed) : served.Options.Seed ?? AnySeed(),
        };
    }

    /// <summary>The same with the seed of one of several answers.</summary>
    public static SamplingOptions OfChoice(SamplingOptions sampling, int choice) =>
        choice == 0 ? sampling : sampling with { Seed = unchecked(sampling.Seed + (0x9E3779B97F4A7C15 * (ulong)choice)) };

    /// <summary>Texts that end the output: the model's own and the request's, one or a list.</summary>
    public static IReadOnlyList<string> ReadStops(JsonInput field, ServedModel served)
    {
        if (field.Count > MaxStops)
            throw field.Fail($"holds {field.Count} texts; expected at most {MaxStops}");
        List<string> stops = [.. served.Service.Model.StopStrings];
        if (field.IsText)
            stops.Add(ReadStop(field));
        else
            stops.AddRange(field.Items("a text or a list of texts").Select(ReadStop));
        return stops;
    }

    private static Dictionary<int, double>? ReadBias(JsonInput field, ServedModel served)
    {
        if (!field.HasValue)
            return null;
        int vocabulary = served.Service.Model.VocabularySize;
        Dictionary<int, double> biases = [];
        foreach ((string name, JsonInput value) in field.ExpectObject("an object of biases by token id").Members())
        {
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int token) || token >= vocabulary)
                throw field.Fail($"'{(name.Length > 20 ? name[..20] : name)}' is no token; expected ids from 0 to {vocabulary - 1}");
            if (!biases.TryAdd(token, value.Required("a number").AsOptionalNumber(-100, 100)!.Value))
                throw field.Fail($"names token {token} twice");
        }

        return biases.Count > 0 ? biases : null;
    }

    private static string ReadStop(JsonInput field) => field.AsText() switch
    {
        { Length: 0 } => throw field.Fail("is empty; expected a text that ends the output"),
        { Length: > MaxStopCharacters } => throw field.Fail($"is longer than {MaxStopCharacters} characters"),
        string stop => stop,
    };

    private static ulong AnySeed()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes);
    }
}
