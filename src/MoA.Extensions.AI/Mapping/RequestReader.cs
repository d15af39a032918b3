using Microsoft.Extensions.AI;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving;
using MoA.Serving.Chat;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace MoA.Extensions.AI.Mapping;

/// <summary>Turns what a caller asks for into what a service takes, and refuses by name what cannot be had.</summary>
internal sealed class RequestReader(ModelService service)
{
    // A function has no other arguments than its schema lists; a model that is held to the schema would find no end among others.
    private static readonly AIJsonSchemaTransformCache Closed = new(new AIJsonSchemaTransformOptions { DisallowAdditionalProperties = true });

    /// <summary>The request that messages and options stand for.</summary>
    public ChatRequest Read(IChatClient client, IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        options ??= new ChatOptions();
        RefuseUnknown(options);
        ChatRequest start = Start(client, options);
        List<ToolDefinition> tools = [.. start.Tools, .. (options.Tools ?? []).Select(Tool)];
        return start with
        {
            Messages = MessageReader.Read(messages, options.Instructions),
            Tools = tools,
            ToolChoice = options.ToolMode is null ? start.ToolChoice : Choice(options.ToolMode, tools),
            ParallelToolCalls = options.AllowMultipleToolCalls ?? start.ParallelToolCalls,
            Format = options.ResponseFormat is null ? start.Format : Format(options.ResponseFormat),
            Thinks = options.Reasoning?.Effort is ReasoningEffort effort ? effort != ReasoningEffort.None : start.Thinks,
            ReasoningEffort = Effort(options.Reasoning?.Effort) ?? start.ReasoningEffort,
            MaxNewTokens = options.MaxOutputTokens ?? start.MaxNewTokens,
            Sampling = SamplingReader.Read(options, start.Sampling),
            Stop = [.. start.Stop, .. (options.StopSequences ?? []).Select(Stop)],
        };
    }

    // What options do not set is as the caller's own request has it, else as the model's makers want it.
    private ChatRequest Start(IChatClient client, ChatOptions options) => options.RawRepresentationFactory?.Invoke(client) switch
    {
        null => new ChatRequest { Messages = [], Sampling = Default(service.Model), Stop = service.Model.StopStrings },
        ChatRequest request => request,
        object other => throw Refuse(nameof(ChatOptions.RawRepresentationFactory), $"made a {other.GetType().Name}; expected a {nameof(ChatRequest)} or null"),
    };

    private static SamplingOptions Default(LanguageModel model) => model.Sampling with { Seed = unchecked((ulong)Random.Shared.NextInt64()) };

    private void RefuseUnknown(ChatOptions options)
    {
        if (options.ConversationId is not null)
            throw Refuse(nameof(ChatOptions.ConversationId), "names a conversation, but no conversations are stored here; send all messages, of which what was read before is found in kept caches");
        if (options.ContinuationToken is not null)
            throw Refuse(nameof(ChatOptions.ContinuationToken), "continues a response in the background, and there are none here");
        if (options.ModelId is string model && model != service.Name && model != service.Model.Name)
            throw Refuse(nameof(ChatOptions.ModelId), $"is '{model}', but this client serves '{service.Name}'");
        if (options.Reasoning?.Output is ReasoningOutput.Summary)
            throw Refuse("Reasoning.Output", "asks for a summary of what the model thinks, which it does not write; expected Full or None");
    }

    private static ToolDefinition Tool(AITool tool) => tool is AIFunctionDeclaration function
        ? new ToolDefinition(function.Name, function.Description.Length > 0 ? function.Description : null, Closed.GetOrCreateTransformedSchema(function).GetRawText())
        : throw Refuse(nameof(ChatOptions.Tools), $"holds a {tool.GetType().Name} ('{tool.Name}'), which runs at some providers; expected functions");

    private static ToolChoice Choice(ChatToolMode mode, List<ToolDefinition> tools)
    {
        if (mode is AutoChatToolMode)
            return ToolChoice.Auto;
        if (mode is NoneChatToolMode)
            return ToolChoice.None;
        if (mode is not RequiredChatToolMode required)
            throw Refuse(nameof(ChatOptions.ToolMode), $"is a {mode.GetType().Name}; expected Auto, None, RequireAny or RequireSpecific");
        string? name = required.RequiredFunctionName;
        return tools.Any(tool => name is null || tool.Name == name) ? new ToolChoice(ToolChoiceKind.Required, name)
            : throw new InvalidInputException(name is null ? "ToolMode requires a call of a tool, but Tools is empty" : $"ToolMode requires the tool '{name}', which is not in Tools");
    }

    private static AnswerFormat Format(ChatResponseFormat format) => format switch
    {
        ChatResponseFormatText => AnswerFormat.Text,
        ChatResponseFormatJson { Schema: System.Text.Json.JsonElement schema } => AnswerFormat.JsonSchema(schema.GetRawText()),
        ChatResponseFormatJson => AnswerFormat.JsonObject,
        _ => throw Refuse(nameof(ChatOptions.ResponseFormat), $"is a {format.GetType().Name}; expected text or JSON"),
    };

    // Templates know three; more than high is high.
    private static string? Effort(ReasoningEffort? effort) => effort switch
    {
        ReasoningEffort.Low => "low",
        ReasoningEffort.Medium => "medium",
        ReasoningEffort.High or ReasoningEffort.ExtraHigh => "high",
        _ => null,
    };

    private static string Stop(string text) =>
        string.IsNullOrEmpty(text) ? throw new InvalidInputException("StopSequences holds an empty text; expected texts of at least one character") : text;

    private static NotSupportedException Refuse(string option, string why) => new($"{nameof(ChatOptions)}.{option} {why}");
}
