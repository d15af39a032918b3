using MoA.Engine.Files;

namespace MoA.Engine.Configuration;

/// <summary>Finds what a <c>generation_config.json</c> asks for and nobody here does, so that it is not passed over in silence.</summary>
internal static class UnappliedSettings
{
    // What GenerationConfig reads.
    private static readonly string[] Applied =
    [
        "do_sample", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty",
        "no_repeat_ngram_size", "max_new_tokens", "max_length", "stop_strings", "eos_token_id",
    ];

    // What changes no text that one sequence gets here: housekeeping, speed, what is returned beside the text, and what beams do.
    private static readonly string[] WithoutEffect =
    [
        "_from_model_config", "_commit_hash", "transformers_version", "trust_remote_code", "attn_implementation", "generation_kwargs",
        "bos_token_id", "pad_token_id", "decoder_start_token_id", "use_cache", "cache_implementation", "cache_config", "return_legacy_cache",
        "prefill_chunk_size", "compile_config", "disable_compile", "low_memory", "output_attentions", "output_hidden_states",
        "output_scores", "output_logits", "return_dict_in_generate", "renormalize_logits", "remove_invalid_values", "early_stopping",
        "length_penalty", "is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold",
        "assistant_early_exit", "assistant_lookbehind", "target_lookbehind", "prompt_lookup_num_tokens", "max_matching_ngram_size",
    ];

    // What transformers looks at only where it draws tokens.
    private static readonly string[] OfDrawing = ["typical_p", "top_h", "epsilon_cutoff", "eta_cutoff"];

    // Where 1, not 0, is "off".
    private static readonly string[] OffAtOne =
        ["num_beams", "num_beam_groups", "num_return_sequences", "typical_p", "encoder_repetition_penalty", "guidance_scale"];

    private static readonly HashSet<string> Ignored = [.. Applied, .. WithoutEffect];

    /// <summary>Each such setting with its value, in the order of the file; what is switched off is left out.</summary>
    public static string[] Find(JsonField file)
    {
        bool draws = file["do_sample"].AsBoolean(missing: false);
        return
        [
            .. file.Fields()
                .Where(field => !Ignored.Contains(field.Name) && (draws || !OfDrawing.Contains(field.Name)) && !IsOff(field.Name, field.Value))
                .Select(field => $"{InputFile.Cut(field.Name)} {InputFile.Cut(field.Value.RawText)}"),
        ];
    }

    private static bool IsOff(string name, JsonField value)
    {
        if (!value.HasValue || (value.IsArray && !value.Items().Any()) || value.RawText is "false" or "{}")
            return true;
        return !name.EndsWith("_token_id", StringComparison.Ordinal) // 0 is a token
            && NumberText.TryDecimal(value.RawText, out double number)
            && number == (OffAtOne.Contains(name) ? 1 : 0);
    }
}
