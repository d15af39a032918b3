using MoA.Engine.Files;
using MoA.Engine.Tokenization.Jinja;

namespace MoA.Engine.Tokenization;

/// <summary>
/// A model's chat template: writes a conversation as the text that the model was trained on. The language is Jinja 3.1, rendered
/// as transformers does (apply_chat_template without tools); what is left out is refused by name. Immutable and safe to share
/// between threads.
/// </summary>
public sealed class ChatTemplate
{
    private const string FileName = "chat_template.jinja";
    private const int RoleOrigin = -1;

    private readonly JinjaTemplate _template;
    private readonly string _bosText;
    private readonly string _eosText;
    private readonly TimeProvider _clock;

    /// <summary>Parses a template.</summary>
    /// <param name="template">The Jinja source.</param>
    /// <param name="bosText">What the variable <c>bos_token</c> prints.</param>
    /// <param name="eosText">What the variable <c>eos_token</c> prints.</param>
    /// <param name="clock">Tells the date to templates that write it; the system's clock by default.</param>
    /// <exception cref="InvalidInputException">The template is malformed or uses a construct that is not supported.</exception>
    public ChatTemplate(string template, string bosText, string eosText, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(template);
        _template = new(template);
        _bosText = bosText;
        _eosText = eosText;
        _clock = clock ?? TimeProvider.System;
    }

    /// <summary>
    /// Loads the template of a model folder: <c>chat_template.jinja</c>, or the field <c>chat_template</c> of
    /// <c>tokenizer_config.json</c> (a text, or a list of named templates of which "default" is taken); of a GGUF file,
    /// <c>tokenizer.chat_template</c>.
    /// </summary>
    /// <param name="path">The model folder or GGUF file.</param>
    /// <returns>The template; null where the model has none.</returns>
    /// <exception cref="InvalidInputException">A file is malformed or the template cannot be parsed.</exception>
    public static ChatTemplate? Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        TokenizerConfig config = ReadSource(path);
        try
        {
            return config.ChatTemplate is null
                ? null
                : new ChatTemplate(config.ChatTemplate, config.BosToken ?? "", config.EosToken ?? "");
        }
        catch (InvalidInputException e)
        {
            throw new InvalidInputException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>The template of a model as it is written, with the tokens that it prints.</summary>
    internal static TokenizerConfig ReadSource(string path)
    {
        if (ModelPath.FindGguf(path) is string gguf)
        {
            using GgufCheckpoint model = GgufCheckpoint.Open(gguf);
            return GgufVocabulary.ReadConfig(model.Metadata);
        }

        TokenizerConfig config = TokenizerConfig.Read(path);
        string file = Path.Combine(path, FileName);
        return File.Exists(file) ? config with { ChatTemplate = InputFile.ReadText(file) } : config;
    }

    /// <summary>Writes a conversation.</summary>
    /// <param name="messages">The messages, in order.</param>
    /// <param name="addGenerationPrompt">Whether the header that asks the assistant to answer is written at the end.</param>
    /// <returns>The text, special tokens written out.</returns>
    /// <exception cref="InvalidInputException">
    /// The template refuses the conversation, uses a construct that is not supported, or takes too many steps.
    /// </exception>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return RenderTraced(messages, addGenerationPrompt).Text;
    }

    /// <summary>The origin of a message's content in what <see cref="RenderTraced"/> writes.</summary>
    internal static int ContentOrigin(int message) => message + 1;

    /// <summary>Writes a conversation and tells of each character whether the template, a role or a message's content gave it.</summary>
    internal TracedText RenderTraced(IEnumerable<ChatMessage> messages, bool addGenerationPrompt)
    {
        var conversation = new List<object?>();
        int index = 0;
        long length = 0;
        foreach (ChatMessage message in messages)
        {
            conversation.Add(new JinjaMap
            {
                ["role"] = new TracedText(message.Role, RoleOrigin),
                ["content"] = new TracedText(message.Content, ContentOrigin(index++)),
            });
            length += 64L + message.Role.Length + message.Content.Length;
        }

        KeyValuePair<string, object?>[] variables =
        [
            new("messages", JinjaList.Of(conversation)),
            new("add_generation_prompt", addGenerationPrompt),
            new("bos_token", new TracedText(_bosText)),
            new("eos_token", new TracedText(_eosText)),
            new("tools", null),
            new("documents", null),
        ];
        return _template.Render(variables, length, _clock);
    }
}
