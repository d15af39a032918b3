using MoA.Engine.Files;
using MoA.Engine.Tokenization.Jinja;

namespace MoA.Engine.Tokenization;

/// <summary>
/// A model's chat template: writes a conversation as the text that the model was trained on. The language is Jinja 3.1, rendered
/// as transformers does (apply_chat_template); what is left out is refused by name. Immutable and safe to share
/// between threads.
/// </summary>
public sealed class ChatTemplate
{
    private const string FileName = "chat_template.jinja";
    private const string ToolFileName = "additional_chat_templates/tool_use.jinja";

    private readonly JinjaTemplate _template;
    private readonly string _bosText;
    private readonly string _eosText;
    private readonly TimeProvider _clock;
    private readonly TemplateTraits _traits;
    private readonly ChatTemplate? _withTools;

    /// <summary>Parses a template.</summary>
    /// <param name="template">The Jinja source.</param>
    /// <param name="bosText">What the variable <c>bos_token</c> prints.</param>
    /// <param name="eosText">What the variable <c>eos_token</c> prints.</param>
    /// <param name="clock">Tells the date to templates that write it; the system's clock by default.</param>
    /// <param name="toolTemplate">The Jinja source for conversations with tools; null where it is the same.</param>
    /// <exception cref="InvalidInputException">The template is malformed or uses a construct that is not supported.</exception>
    public ChatTemplate(string template, string bosText, string eosText, TimeProvider? clock = null, string? toolTemplate = null)
    {
        ArgumentNullException.ThrowIfNull(template);
        Source = template;
        _template = new(template);
        _bosText = bosText;
        _eosText = eosText;
        _clock = clock ?? TimeProvider.System;
        _traits = new((messages, tools) => Render(messages, tools, addGenerationPrompt: false, ChatTemplateOptions.None, length: 0), template);
        _withTools = toolTemplate is null ? null : new(toolTemplate, bosText, eosText, clock);
    }

    /// <summary>The Jinja source.</summary>
    public string Source { get; }

    /// <summary>The Jinja source for conversations with tools, where it is another; else null.</summary>
    public string? ToolSource => _withTools?.Source;

    /// <summary>What was chosen in place of a template of the model's own: a name, or a file; null for its own.</summary>
    public string? Choice { get; private init; }

    /// <summary>Whether nobody chose it: the model has none, and its name calls for this one.</summary>
    public bool IsGuess { get; private init; }

    /// <summary>
    /// Loads the template of a model folder: <c>chat_template.jinja</c>, or the field <c>chat_template</c> of
    /// <c>tokenizer_config.json</c> (a text, or a list of named templates of which "default" is taken); of a GGUF file,
    /// <c>tokenizer.chat_template</c>. Where there is a template "tool_use" beside it, that one writes conversations with tools. A model without one gets the template that its name calls for.
    /// </summary>
    /// <param name="path">The model folder or GGUF file.</param>
    /// <param name="choice">Another template to use: one of <see cref="NamedChatTemplates.Names"/>, or a file with the Jinja source, or a
    /// <c>tokenizer_config.json</c>; null for the model's own.</param>
    /// <param name="name">The model's name; null to go by the path alone.</param>
    /// <returns>The template; null where the model has none.</returns>
    /// <exception cref="InvalidInputException">A file is malformed, the template cannot be parsed, or there is none of the name.</exception>
    public static ChatTemplate? Load(string path, string? choice = null, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        (TokenizerConfig config, choice, bool isGuess) = ReadSource(path, choice, name);
        try
        {
            return config.ChatTemplate is null
                ? null
                : new ChatTemplate(config.ChatTemplate, config.BosToken ?? "", config.EosToken ?? "", toolTemplate: config.ToolTemplate) { Choice = choice, IsGuess = isGuess };
        }
        catch (InvalidInputException e)
        {
            throw new InvalidInputException($"{choice ?? path}: {e.Message}", e);
        }
    }

    /// <summary>The template of a model, or the one in its place, as it is written, with the tokens that it prints.</summary>
    internal static (TokenizerConfig Config, string? Choice, bool IsGuess) ReadSource(string path, string? choice, string? name)
    {
        TokenizerConfig config = ReadOwn(path);
        bool isGuess = choice is null && config.ChatTemplate is null;
        if (isGuess)
        {
            string file = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
            choice = NamedChatTemplates.Suggest(name ?? "") ?? NamedChatTemplates.Suggest(file);
        }

        return (choice is null ? config : ReadChoice(choice, config), choice, isGuess && choice is not null);
    }

    private static TokenizerConfig ReadOwn(string path)
    {
        if (ModelPath.FindGguf(path) is string gguf)
        {
            using GgufCheckpoint model = GgufCheckpoint.Open(gguf);
            return GgufVocabulary.ReadConfig(model.Metadata);
        }

        TokenizerConfig config = SentencePieceFolder.Complete(path, TokenizerConfig.Read(path));
        (string file, string toolFile) = (Path.Combine(path, FileName), Path.Combine(path, ToolFileName));
        if (File.Exists(file))
            config = config with { ChatTemplate = InputFile.ReadText(file), ToolTemplate = null };
        return File.Exists(toolFile) ? config with { ToolTemplate = InputFile.ReadText(toolFile) } : config;
    }

    private static TokenizerConfig ReadChoice(string choice, TokenizerConfig own)
    {
        if (NamedChatTemplates.Find(choice) is string named)
            return own with { ChatTemplate = named, ToolTemplate = null };
        string advice = $"a chat template is one of {string.Join(", ", NamedChatTemplates.Names)}, or a file with its Jinja source";
        if (!choice.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
            return own with { ChatTemplate = InputFile.ReadText(choice, advice), ToolTemplate = null };
        TokenizerConfig chosen = TokenizerConfig.ReadFile(choice);
        return chosen.ChatTemplate is not null
            ? own with { ChatTemplate = chosen.ChatTemplate, ToolTemplate = chosen.ToolTemplate }
            : throw InputFile.Error(choice, "has no \"chat_template\"; expected one, as in a tokenizer_config.json");
    }

    /// <summary>Writes a conversation.</summary>
    /// <param name="messages">The messages, in order.</param>
    /// <param name="addGenerationPrompt">Whether the header that asks the assistant to answer is written at the end.</param>
    /// <param name="options">Tools, and what else the template is to know.</param>
    /// <returns>The text, special tokens written out.</returns>
    /// <exception cref="InvalidInputException">
    /// The template refuses the conversation, uses a construct that is not supported, or takes too many steps; a tool's parameters or a
    /// call's arguments are no JSON object.
    /// </exception>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, ChatTemplateOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return RenderTraced(messages, addGenerationPrompt, options).Text;
    }

    /// <summary>Writes a conversation whose last message goes on: up to the end of its content, or of its thoughts where it has no content.</summary>
    /// <exception cref="InvalidInputException">The template refuses the conversation, or does not print the last message.</exception>
    internal TracedText RenderOpen(IReadOnlyList<ChatMessage> messages, ChatTemplateOptions? options)
    {
        TracedText text = RenderTraced(messages, addGenerationPrompt: false, options);
        return FindContent(text, messages.Count - 1) is (_, int end)
            ? text.Slice(0, end)
            : throw new InvalidInputException("the chat template does not print the last message, so an answer cannot go on from it");
    }

    /// <summary>Where a message's content was printed: from its first character to its last before a later message's begins.</summary>
    internal static (int Start, int End)? FindContent(TracedText text, int message, int from = 0)
    {
        int origin = TemplateMessages.ContentOrigin(message);
        (int Start, int End)? found = null;
        foreach ((int start, int end, int writer) in text.Runs(from, text.Length))
        {
            if (writer == origin)
                found = (found?.Start ?? start, end);
            else if (writer > origin && found is not null)
                break;
        }

        return found;
    }

    /// <summary>Whether the template writes tools; where it does not, they are written into the messages.</summary>
    internal bool KnowsTools => (_withTools ?? this)._traits.KnowsTools;

    /// <summary>Writes a conversation and tells of each character whether the template, a message's content or something else gave it.</summary>
    internal TracedText RenderTraced(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, ChatTemplateOptions? options = null)
    {
        options ??= ChatTemplateOptions.None;
        if (options.Tools.Count > 0 && _withTools is not null)
            return _withTools.RenderTraced(messages, addGenerationPrompt, options);
        long length = messages.Sum(message => 64L + message.Role.Name.Length + message.Content.Length + (message.Reasoning?.Length ?? 0)
                + message.ToolCalls.Sum(call => 64L + call.Name.Length + call.Arguments.Length))
            + options.Tools.Sum(tool => 64L + tool.Name.Length + (tool.Description?.Length ?? 0) + (tool.Parameters?.Length ?? 0));
        bool hasCalls = messages.Any(message => message.ToolCalls.Count > 0 || message.Role == ChatRole.Tool);
        List<object?> conversation = hasCalls && !_traits.KnowsTools && !_traits.KnowsCalls
            ? PlainTools.WriteCalls(messages)
            : messages.Any(message => message.ToolCalls.Count > 1) && !_traits.TakesSeveralCalls
                ? [.. SingleCalls.Unfold(messages).Select(single => Write(single.Message, single.Index))]
                : [.. messages.Select(Write)];
        if (options.Tools.Count > 0 && _traits.ReadsToolsOfSystem)
            conversation = PlainTools.IntoSystem(conversation, options.Tools);
        else if (options.Tools.Count > 0 && !_traits.KnowsTools)
            conversation = PlainTools.Introduce(conversation, options.Tools, _traits.TakesSystem);
        else if (options.Tools.Count > 0 && _traits.NeedsSystemForTools && !messages.Any(message => message.Role == ChatRole.System))
            conversation = [TemplateMessages.Write(new ChatMessage(ChatRole.System, ""), 0, takesNoContent: false), .. conversation];
        if (options.Tools.Count == 0 || _traits.ReadsToolsOfSystem || !_traits.KnowsTools)
            return Render(conversation, null, addGenerationPrompt, options, length);
        try
        {
            return Render(conversation, Tools(options, isComplete: false), addGenerationPrompt, options, length);
        }
        catch (InvalidInputException) when (options.Tools.Any(tool => tool.Description is null || tool.Parameters is null))
        {
            // Some templates read what may be left out.
            return Render(conversation, Tools(options, isComplete: true), addGenerationPrompt, options, length);
        }
    }

    private static JinjaList Tools(ChatTemplateOptions options, bool isComplete) =>
        JinjaList.Of(options.Tools.Select(tool => TemplateMessages.Write(tool, isComplete)));

    private JinjaMap Write(ChatMessage message, int index)
    {
        if (message.ToolCalls.Count > 0 && !_traits.KnowsCalls)
            return PlainTools.WithCalls(message, index, Source);
        if (message.ToolCalls.Count > 0 && message.Content.Length > 0 && message.Reasoning is not null && !_traits.TakesThoughtsWithText)
            message = message with { Content = "", Reasoning = $"{message.Reasoning}\n\n{message.Content}" };
        return TemplateMessages.Write(message, index, message.ToolCalls.Count > 0 && _traits.TakesNoContent);
    }

    private TracedText Render(
        List<object?> conversation, JinjaList? tools, bool addGenerationPrompt, ChatTemplateOptions options, long length)
    {
        var variables = new Dictionary<string, object?>();
        if (options.Variables is not null)
        {
            length += options.Variables.Length;
            foreach ((object? name, object? value) in JinjaJsonReader.ReadObject(options.Variables, TemplateMessages.DataOrigin, "the template's variables").Entries)
                variables[((TracedText)name!).Text] = value;
        }

        if (options.Thinks is bool thinks)
            variables["enable_thinking"] = variables["thinking"] = thinks;
        if (options.ReasoningEffort is not null)
            variables["reasoning_effort"] = TemplateMessages.Data(options.ReasoningEffort);
        variables["messages"] = JinjaList.Of(conversation);
        variables["add_generation_prompt"] = addGenerationPrompt;
        variables["bos_token"] = new TracedText(_bosText);
        variables["eos_token"] = new TracedText(_eosText);
        variables["tools"] = tools;
        _ = variables.TryAdd("documents", null);
        return _template.Render(variables, length, _clock);
    }
}
