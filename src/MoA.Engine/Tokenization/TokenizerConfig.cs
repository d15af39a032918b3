using System.Globalization;
using MoA.Engine.Files;

namespace MoA.Engine.Tokenization;

/// <summary>What <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c> of a model folder say.</summary>
/// <param name="BosToken">The token that begins a text.</param>
/// <param name="EosToken">The token that ends a text.</param>
/// <param name="ChatTemplate">The chat template's source.</param>
internal sealed record TokenizerConfig(string? BosToken, string? EosToken, string? ChatTemplate)
{
    /// <summary>The source of the template for conversations with tools, where it is another.</summary>
    public string? ToolTemplate { get; init; }

    /// <summary>The token for what the vocabulary cannot write.</summary>
    public string? UnknownToken { get; init; }

    /// <summary>The token that fills batches up.</summary>
    public string? PadToken { get; init; }

    /// <summary>The class of the transformers library that reads the vocabulary.</summary>
    public string? TokenizerClass { get; init; }

    /// <summary>Whether the token that begins a text is added.</summary>
    public bool? AddsBos { get; init; }

    /// <summary>Whether the token that ends a text is added.</summary>
    public bool? AddsEos { get; init; }

    /// <summary>Whether a space is put in front of a text.</summary>
    public bool? AddsPrefixSpace { get; init; }

    /// <summary>False where a space is put in front of the whole text only, not after each special token.</summary>
    public bool? Legacy { get; init; }

    /// <summary>Tokens beside the vocabulary.</summary>
    public IReadOnlyList<AddedToken> AddedTokens { get; init; } = [];

    /// <summary>Texts of further tokens that are markup.</summary>
    public IReadOnlyList<string> AdditionalSpecialTokens { get; init; } = [];

    /// <summary>What a folder says; what a <c>tokenizer.json</c> says itself only where there is none.</summary>
    /// <exception cref="InvalidInputException">A file cannot be read, or a value is malformed.</exception>
    public static TokenizerConfig Read(string folder)
    {
        bool describes = !File.Exists(Path.Combine(folder, Tokenizer.FileName));
        TokenizerConfig config = ReadIfPresent(Path.Combine(folder, "tokenizer_config.json"), describes);
        TokenizerConfig map = ReadIfPresent(Path.Combine(folder, "special_tokens_map.json"), describes);
        return config with
        {
            BosToken = config.BosToken ?? map.BosToken,
            EosToken = config.EosToken ?? map.EosToken,
            UnknownToken = config.UnknownToken ?? map.UnknownToken,
            PadToken = config.PadToken ?? map.PadToken,
            AdditionalSpecialTokens = [.. config.AdditionalSpecialTokens, .. map.AdditionalSpecialTokens],
        };
    }

    /// <summary>What one file says of the tokens that begin and end a text, and of the chat template.</summary>
    /// <exception cref="InvalidInputException">It cannot be read, or a value is malformed.</exception>
    public static TokenizerConfig ReadFile(string file) => JsonField.ReadFile(file, ReadTokens);

    private static TokenizerConfig ReadIfPresent(string file, bool describes) =>
        !File.Exists(file) ? new(null, null, null) : describes ? JsonField.ReadFile(file, ReadWhole) : ReadFile(file);

    private static TokenizerConfig ReadTokens(JsonField root) =>
        new(TokenText(root["bos_token"]), TokenText(root["eos_token"]), TemplateText(root["chat_template"], "default"))
        {
            ToolTemplate = root["chat_template"].IsArray ? TemplateText(root["chat_template"], "tool_use") : null,
            UnknownToken = TokenText(root["unk_token"]),
            PadToken = TokenText(root["pad_token"]),
        };

    private static TokenizerConfig ReadWhole(JsonField root) => ReadTokens(root) with
    {
        TokenizerClass = root["tokenizer_class"].AsOptionalString(),
        AddsBos = root["add_bos_token"].AsOptionalBoolean(),
        AddsEos = root["add_eos_token"].AsOptionalBoolean(),
        AddsPrefixSpace = root["add_prefix_space"].AsOptionalBoolean(),
        Legacy = root["legacy"].AsOptionalBoolean(),
        AddedTokens = root["added_tokens_decoder"] is { HasValue: true } added ? [.. added.Fields().Select(ReadAddedToken)] : [],
        AdditionalSpecialTokens = root["additional_special_tokens"] is { HasValue: true } more
            ? [.. more.Items().Select(TokenText).OfType<string>()]
            : [],
    };

    private static AddedToken ReadAddedToken((string Id, JsonField Token) field) => TokenizerJson.ReadAddedToken(
        int.TryParse(field.Id, NumberStyles.None, CultureInfo.InvariantCulture, out int id)
            ? id
            : throw field.Token.Refuse("stands under a name that is no id; expected a whole number"),
        field.Token);

    // A token is written as its text or as an object with its options.
    private static string? TokenText(JsonField token) =>
        !token.HasValue || token.IsString ? token.AsOptionalString() : token["content"].AsString();

    // One template, or several with names.
    private static string? TemplateText(JsonField template, string name)
    {
        if (!template.IsArray)
            return template.AsOptionalString();
        foreach (JsonField named in template.Items())
        {
            if (named["name"].AsString() == name)
                return named["template"].AsString();
        }

        return null;
    }
}
