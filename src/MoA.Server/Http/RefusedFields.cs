using System.Text.Json;

namespace MoA.Server.Http;

/// <summary>
/// Fields that change what an answer means and that are not served here. Unknown fields are passed over, these are refused by name, unless
/// they ask for nothing.
/// </summary>
internal sealed class RefusedFields(params (string Name, string Advice)[] fields)
{
    /// <summary>Fields of other servers that all routes of texts refuse.</summary>
    public static RefusedFields OfAnyText { get; } = new(
        ("best_of", "ask for several answers with n"),
        ("use_beam_search", "tokens are drawn one by one"),
        ("grammar", "use response_format with a JSON schema"),
        ("guided_json", "use response_format with a JSON schema"),
        ("guided_regex", "use response_format with a JSON schema"),
        ("guided_choice", "use response_format with a JSON schema and enum"),
        ("guided_grammar", "use response_format with a JSON schema"),
        ("structured_outputs", "use response_format with a JSON schema"),
        ("json_schema", "use response_format with a JSON schema"),
        ("regex", "use response_format with a JSON schema"),
        ("ebnf", "use response_format with a JSON schema"),
        ("ignore_eos", "an answer ends where the model ends it"),
        ("min_tokens", "an answer ends where the model ends it"),
        ("stop_token_ids", "use stop"),
        ("allowed_token_ids", "use logit_bias"),
        ("bad_words", "use logit_bias"),
        ("typical_p", "use top_p or min_p"),
        ("mirostat", "use top_p or min_p"),
        ("dynatemp_range", "use temperature"),
        ("xtc_probability", "use top_p or min_p"),
        ("dry_multiplier", "use repetition_penalty or frequency_penalty"),
        ("top_a", "use min_p"),
        ("tfs_z", "use top_p"),
        ("length_penalty", "it belongs to beam search"),
        ("prompt_logprobs", "use echo with logprobs at /v1/completions"),
        ("n_predict", "use max_tokens"),
        ("lora", "the model is served as it is"));

    /// <summary>Refuses the first field that is there and asks for something.</summary>
    public void Check(JsonInput body)
    {
        foreach ((string name, string advice) in fields)
        {
            JsonInput field = body[name];
            if (field.HasValue && !AsksForNothing(name, field.Element))
                throw ApiException.BadRequest($"{name} is not supported: {advice}", field.Path, "unsupported_parameter");
        }
    }

    private static bool AsksForNothing(string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True => false,
        JsonValueKind.Number => value.TryGetDouble(out double number) &&
            number == (name is "best_of" or "length_penalty" or "typical_p" or "tfs_z" ? 1 : 0),
        JsonValueKind.String => value.ValueEquals(""),
        JsonValueKind.Array => value.GetArrayLength() == 0 ||
            (name is "modalities" && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String && item.ValueEquals("text"))),
        JsonValueKind.Object => value.GetPropertyCount() == 0,
        _ => true,
    };
}
