using System.Text;
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
    /// <exception cref="InvalidInputException">The template refuses the conversation, the last message cannot go on, the choice of a tool fits no tool, or a schema is
    /// not supported.</exception>
    public ChatPrompt Read(ChatRequest request)
    {
        CheckChoice(request);
        request = Settle(request);
        ChatTemplateOptions options = Options(request);
        (int[] prompt, int answerStart) = Tokens.Encode(request, options);
        ReplyStart start = StartOf(request, prompt);
        GenerationRequest read = new()
        {
            Prompt = prompt,
            Written = request.Written,
            Landmarks = Tokens.Landmarks(request.Messages, options, prompt, answerStart),
            Constraint = Constraint(request, start),
            MaxNewTokens = request.MaxNewTokens,
            ShortensToFit = request.ShortensToFit,
            Sampling = request.Sampling,
            LogProbabilities = request.LogProbabilities,
            KeepsPrefix = request.KeepsPrefix,
            Stop = request.Stop,
        };
        return new ChatPrompt(request, read, prompt, answerStart, start);
    }

    /// <summary>The text of a conversation.</summary>
    public string Render(ChatRequest request)
    {
        _ = model.RequireConversations();
        request = Settle(request);
        return request.ContinuesLast
            ? model.ChatTemplate!.RenderOpen(request.Messages, Options(request)).Text
            : model.ChatTemplate!.Render(request.Messages, addGenerationPrompt: true, Options(request));
    }

    /// <summary>What reads the answer.</summary>
    public ReplyParser Answer(ChatPrompt prompt) => new(
        Format, model.RequireTokenizer(), prompt.Tokens, prompt.Start, ToolsOf(prompt.Chat), prompt.Chat.Stop, prompt.Chat.ParallelToolCalls ? int.MaxValue : 1);

    private GrammarConstraint? Constraint(ChatRequest request, ReplyStart start)
    {
        if (AnswerConstraint.For(Format, request, start) is not OutputFormat format)
            return null;
        GrammarConstraint constraint = _structured.Value.Create(format);
        return start != ReplyStart.Text || constraint.TryAccept(Encoding.UTF8.GetBytes(request.Messages[^1].Content.TrimStart()))
            ? constraint
            : throw new InvalidInputException("the last message, which the answer goes on from, is no beginning of the JSON that is asked for");
    }

    // What goes on has something to go on from, and waits for nobody; a message without any text is one that is yet to be written.
    private ChatRequest Settle(ChatRequest request)
    {
        if (!request.ContinuesLast)
            return request;
        if (request.Messages is not [.., { Role.Name: "assistant" } last])
            throw new InvalidInputException("only a message of the assistant can go on, and the last one is of another role");
        if (last.ToolCalls.Count > 0)
            throw new InvalidInputException("the last message asks for tools, so it cannot go on; give their answers, or leave the calls out");
        if (!string.IsNullOrWhiteSpace(last.Content))
        {
            return request.ToolChoice.Kind != ToolChoiceKind.Required
                ? request
                : throw new InvalidInputException("a call of a tool is required, so the last message, a text, cannot go on; leave the choice to the model, or the message out");
        }

        if (string.IsNullOrWhiteSpace(last.Reasoning))
            return request with { Messages = [.. request.Messages.SkipLast(1)], ContinuesLast = false };
        return Format.KnowsThoughts
            ? request with { Messages = [.. request.Messages.SkipLast(1), last with { Content = "" }] }
            : throw new InvalidInputException($"the last message holds thoughts alone, and nothing tells those of {model.Name} from its answers; give a text to go on from");
    }

    private ReplyStart StartOf(ChatRequest request, int[] prompt) => !request.ContinuesLast
        ? Format.StartAfter(model.RequireTokenizer(), prompt)
        : request.Messages[^1].Content.Length > 0 ? ReplyStart.Text : ReplyStart.WithinThoughts;

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
