using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat.Replies;
using MoA.Serving.Structured;

namespace MoA.Serving.Chat;

/// <summary>Turns conversations into prompts, and says how their answers are read.</summary>
internal sealed class ChatReader(LanguageModel model)
{
    private readonly Lazy<ReplyFormat> _format = new(() => ReplyFormat.Of(model.ChatTemplate?.ToolSource + model.ChatTemplate?.Source, model.RequireTokenizer()));
    private readonly Lazy<StructuredOutput> _structured = new(() => new StructuredOutput(model.RequireTokenizer(), model.StopTokens));

    /// <summary>The tokens of its conversations.</summary>
    public ConversationTokens Tokens { get; } = new(model);

    /// <summary>How the model writes thoughts and calls.</summary>
    public ReplyFormat Format => _format.Value;

    /// <summary>The prompt of a conversation, and how the answer is to be written.</summary>
    /// <exception cref="InvalidInputException">The template refuses the conversation, the choice of a tool fits no tool, or a schema is not supported.</exception>
    public GenerationRequest Read(ChatRequest request)
    {
        CheckChoice(request);
        ChatTemplateOptions options = Options(request);
        int[] prompt = Tokens.Encode(request.Messages, options);
        return new GenerationRequest
        {
            Prompt = prompt,
            Landmarks = Tokens.Landmarks(request.Messages, options, prompt),
            Constraint = Constraint(request, prompt),
            MaxNewTokens = request.MaxNewTokens,
            Sampling = request.Sampling,
            LogProbabilities = request.LogProbabilities,
            KeepsPrefix = request.KeepsPrefix,
            Stop = request.Stop,
        };
    }

    /// <summary>The text of a conversation.</summary>
    public string Render(ChatRequest request)
    {
        _ = model.RequireConversations();
        return model.ChatTemplate!.Render(request.Messages, addGenerationPrompt: true, Options(request));
    }

    /// <summary>What reads the answer.</summary>
    /// <param name="request">What was asked.</param>
    /// <param name="prompt">Its prompt.</param>
    public ReplyParser Answer(ChatRequest request, ReadOnlySpan<int> prompt) =>
        new(Format, model.RequireTokenizer(), prompt, ToolsOf(request), request.Stop, request.ParallelToolCalls ? int.MaxValue : 1);

    private TokenConstraint? Constraint(ChatRequest request, int[] prompt) =>
        AnswerConstraint.For(Format, request, Format.HasBegunThoughts(model.RequireTokenizer(), prompt)) is OutputFormat format ? _structured.Value.Create(format) : null;

    // A tool that may not be called is not shown: a model that sees one asks for it.
    private static IReadOnlyList<ToolDefinition> ToolsOf(ChatRequest request) =>
        request.ToolChoice.Kind == ToolChoiceKind.None ? [] : request.Tools;

    private static ChatTemplateOptions Options(ChatRequest request) =>
        new() { Tools = ToolsOf(request), Thinks = request.Thinks, ReasoningEffort = request.ReasoningEffort };

    private static void CheckChoice(ChatRequest request)
    {
        if (request.ToolChoice.Kind != ToolChoiceKind.Required)
            return;
        if (request.Tools.Count == 0)
            throw new InvalidInputException("a call of a tool is required, but there are no tools; give some, or leave the choice to the model");
        if (request.ToolChoice.Name is string name && request.Tools.All(tool => tool.Name != name))
            throw new InvalidInputException($"a call of the tool '{name}' is required; the tools are {string.Join(", ", request.Tools.Select(tool => tool.Name))}");
    }
}
