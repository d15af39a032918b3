using MoA.Engine.Tokenization.Jinja;

namespace MoA.Engine.Tokenization;

/// <summary>What a chat template knows, found out by letting it write small conversations; each once, when it is first asked for.</summary>
internal sealed class TemplateTraits
{
    private const string Word = "kilimanjaro";

    private static readonly ChatMessage Question = new(ChatRole.User, "question");

    private readonly Func<List<object?>, JinjaList?, TracedText> _render;
    private readonly Lazy<bool> _knowsTools;
    private readonly Lazy<bool> _needsSystem;
    private readonly Lazy<bool> _knowsCalls;
    private readonly Lazy<bool> _takesSeveralCalls;
    private readonly Lazy<bool> _takesSystem;
    private readonly Lazy<bool> _takesNoContent;
    private readonly Lazy<bool> _takesThoughtsWithText;

    /// <param name="render">Writes messages with tools; throws where the template refuses.</param>
    /// <param name="source">The template's source.</param>
    public TemplateTraits(Func<List<object?>, JinjaList?, TracedText> render, string source)
    {
        _render = render;
        ReadsToolsOfSystem = source.Contains("message['tools']", StringComparison.Ordinal) || source.Contains("message[\"tools\"]", StringComparison.Ordinal);
        _needsSystem = new(() => !Prints([Question], Tools) && Prints([new(ChatRole.System, "rules"), Question], Tools));
        _knowsTools = new(() => ReadsToolsOfSystem || NeedsSystemForTools || Prints([Question], Tools));
        _knowsCalls = new(() => RenderCall("", null, tools: null) is not string text || text.Contains(Word, StringComparison.Ordinal));
        _takesSeveralCalls = new(() => RenderCall("", null, tools: null, calls: [Call("first"), Call(Word)]) is string text
            ? text.Contains(Word, StringComparison.Ordinal) || !KnowsCalls
            : RenderCall("", null, tools: null) is null);
        _takesSystem = new(() => Prints([new(ChatRole.System, Word), Question], null));
        _takesNoContent = new(FindTakesNoContent);
        _takesThoughtsWithText = new(() => RenderCall("text", "thoughts", Tools) is not null || RenderCall("text", null, Tools) is null);
    }

    /// <summary>Whether it writes tools.</summary>
    public bool KnowsTools => _knowsTools.Value;

    /// <summary>Whether it writes tools only where there is a message of the system.</summary>
    public bool NeedsSystemForTools => _needsSystem.Value;

    /// <summary>Whether it writes the calls of an assistant's message.</summary>
    public bool KnowsCalls => _knowsCalls.Value;

    /// <summary>Whether a message may ask for several tools; else the template writes one of them, or refuses.</summary>
    public bool TakesSeveralCalls => _takesSeveralCalls.Value;

    /// <summary>Whether it looks for tools, as a text of JSON, in the system message.</summary>
    public bool ReadsToolsOfSystem { get; }

    /// <summary>Whether it writes what the system says.</summary>
    public bool TakesSystem => _takesSystem.Value;

    /// <summary>Whether a message that only asks for tools may have none for its content; else it must be an empty text.</summary>
    public bool TakesNoContent => _takesNoContent.Value;

    /// <summary>Whether a message that asks for tools may have both thoughts and text.</summary>
    public bool TakesThoughtsWithText => _takesThoughtsWithText.Value;

    private static JinjaList Tools => JinjaList.Of(
        [TemplateMessages.Write(new(Word, "what", "{\"type\": \"object\", \"properties\": {\"a\": {\"type\": \"integer\"}}}"), isComplete: true)]);

    // A template that does not look prints Python's word for none, or fails.
    private bool FindTakesNoContent()
    {
        string? with = RenderCall("", null, Tools);
        string? without = RenderCall("", null, Tools, takesNoContent: true);
        return with is null || (without is not null && without.Split("None").Length <= with.Split("None").Length);
    }

    private bool Prints(IReadOnlyList<ChatMessage> messages, JinjaList? tools) => Render(messages, tools)?.Contains(Word, StringComparison.Ordinal) == true;

    private static ToolCall Call(string name) => new("abcdefgh1", name, "{\"a\": 1}");

    private string? RenderCall(string content, string? thoughts, JinjaList? tools, bool takesNoContent = false, ToolCall[]? calls = null)
    {
        ChatMessage message = new(ChatRole.Assistant, content) { ToolCalls = calls ?? [Call(Word)], Reasoning = thoughts };
        return Render([Question, message], tools, takesNoContent);
    }

    private string? Render(IReadOnlyList<ChatMessage> messages, JinjaList? tools, bool takesNoContent = false)
    {
        try
        {
            return _render([.. messages.Select((message, i) => TemplateMessages.Write(message, i, takesNoContent))], tools).Text;
        }
        catch (InvalidInputException)
        {
            return null;
        }
    }
}
