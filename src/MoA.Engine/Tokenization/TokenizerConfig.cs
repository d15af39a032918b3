using MoA.Engine.Files;
namespace MoA.Engine.Tokenization;

/// <summary>What <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c> of a model folder say.</summary>
/// <param name="BosToken">The token that begins a text.</param>
/// <param name="EosToken">The token that ends a text.</param>
/// <param name="ChatTemplate">The chat template's source.</param>
internal sealed record TokenizerConfig(string? BosToken, string? EosToken, string? ChatTemplate)
{
    /// <summary>The token for what the vocabulary cannot write.</summary>
    public string? UnknownToken { get; init; }

    /// <summary>The token that fills batches up.</summary>
    public string? PadToken { get; init; }

    public static TokenizerConfig Read(string folder)
    {
        TokenizerConfig config = ReadIfPresent(Path.Combine(folder, "tokenizer_config.json"));
        TokenizerConfig map = ReadIfPresent(Path.Combine(folder, "special_tokens_map.json"));
        return config with { BosToken = config.BosToken ?? map.BosToken, EosToken = config.EosToken ?? map.EosToken };
    }

    private static TokenizerConfig ReadIfPresent(string file) => File.Exists(file)
        ? JsonField.ReadFile(file, root => new TokenizerConfig(
            TokenText(root["bos_token"]), TokenText(root["eos_token"]), TemplateText(root["chat_template"]))
        {
            UnknownToken = TokenText(root["unk_token"]),
            PadToken = TokenText(root["pad_token"]),
        })
        : new(null, null, null);

    // A token is written as its text or as an object with its options.
    private static string? TokenText(JsonField token) =>
        !token.HasValue || token.IsString ? token.AsOptionalString() : token["content"].AsString();

    // One template, or several with names of which "default" counts.
    private static string? TemplateText(JsonField template)
    {
        if (!template.IsArray)
            return template.AsOptionalString();
        foreach (JsonField named in template.Items())
        {
            if (named["name"].AsString() == "default")
                return named["template"].AsString();
        }

        return null;
    }
}
