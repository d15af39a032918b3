using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.AI;
using MoA.Engine.Tokenization;
using MoA.Serving;
using MoA.Serving.Chat;
using ChatRole = Microsoft.Extensions.AI.ChatRole;

namespace MoA.Extensions.AI.Mapping;

/// <summary>Shows one answer as a response, or as the updates of a stream.</summary>
internal sealed class AnswerWriter(string model, ChatOptions? options)
{
    private static readonly JsonTypeInfo<IDictionary<string, object?>> ArgumentsType =
        (JsonTypeInfo<IDictionary<string, object?>>)AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(IDictionary<string, object?>));

    private readonly string _id = $"moa-{Guid.NewGuid():N}";
    private readonly DateTimeOffset _created = DateTimeOffset.UtcNow;
    private readonly bool _showsReasoning = options?.Reasoning?.Output is not ReasoningOutput.None;

    /// <summary>The whole answer.</summary>
    public ChatResponse Response(ChatOutcome outcome)
    {
        List<AIContent> contents = Contents(outcome.Message.Reasoning ?? "", outcome.Message.Content);
        contents.AddRange(outcome.Message.ToolCalls.Select(Call));
        Microsoft.Extensions.AI.ChatMessage message = new(ChatRole.Assistant, contents)
        {
            MessageId = _id,
            CreatedAt = _created,
            AdditionalProperties = Properties(outcome), // where those of a stream's updates come together
        };
        return new ChatResponse(message)
        {
            ResponseId = _id,
            ModelId = model,
            CreatedAt = _created,
            FinishReason = Finish(outcome),
            Usage = Count(outcome.Usage),
            RawRepresentation = outcome,
        };
    }

    /// <summary>What a step has added, or null if nothing is to be shown of it. Calls of tools come with <see cref="Last"/>, when they are whole.</summary>
    public ChatResponseUpdate? Update(ChatPiece piece) =>
        Contents(piece.Reasoning, piece.Text) is { Count: > 0 } contents ? New(contents, piece)
        : piece.LogProbabilities.Count > 0 ? New([], piece)
        : null;

    /// <summary>The end of a stream: calls of tools, why it ended, and what it took.</summary>
    public ChatResponseUpdate Last(ChatOutcome outcome)
    {
        ChatResponseUpdate update = New([.. outcome.Message.ToolCalls.Select(Call), new UsageContent(Count(outcome.Usage))], outcome);
        update.FinishReason = Finish(outcome);
        update.AdditionalProperties = Properties(outcome);
        return update;
    }

    private ChatResponseUpdate New(List<AIContent> contents, object raw) => new(ChatRole.Assistant, contents)
    {
        ResponseId = _id,
        MessageId = _id,
        ModelId = model,
        CreatedAt = _created,
        RawRepresentation = raw,
    };

    private List<AIContent> Contents(string reasoning, string text)
    {
        List<AIContent> contents = [];
        if (_showsReasoning && reasoning.Length > 0)
            contents.Add(new TextReasoningContent(reasoning));
        if (text.Length > 0)
            contents.Add(new TextContent(text));
        return contents;
    }

    private static FunctionCallContent Call(ToolCall call) => FunctionCallContent.CreateFromParsedArguments(
        call.Arguments, call.Id, call.Name, static json => JsonSerializer.Deserialize(json, ArgumentsType));

    private static ChatFinishReason Finish(ChatOutcome outcome) => outcome.Finish switch
    {
        ChatFinish.Length => ChatFinishReason.Length,
        ChatFinish.ToolCalls => ChatFinishReason.ToolCalls,
        _ => ChatFinishReason.Stop,
    };

    // Additional counts are numbers that can be added up over several calls; the share that they make stands in the properties.
    private static UsageDetails Count(Usage usage) => new()
    {
        InputTokenCount = usage.PromptTokens,
        OutputTokenCount = usage.NewTokens,
        TotalTokenCount = usage.PromptTokens + usage.NewTokens,
        CachedInputTokenCount = usage.CachedTokens,
        ReasoningTokenCount = usage.ReasoningTokens,
        AdditionalCounts = new() { ["moa.kv.bytes"] = usage.CacheBytes },
    };

    private static AdditionalPropertiesDictionary Properties(ChatOutcome outcome)
    {
        AdditionalPropertiesDictionary properties = new() { [MoAChatClient.DensityKey] = outcome.Usage.Density };
        if (outcome.StopText is string stop)
            properties["stop_sequence"] = stop;
        if (outcome.Usage.ReadAgain is string why)
            properties["moa.read_again"] = why;
        return properties;
    }
}
