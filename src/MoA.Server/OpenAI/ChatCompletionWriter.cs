using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Server.Http;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Server.OpenAI;

/// <summary>Writes the answers of <c>/v1/chat/completions</c>, whole or as they come.</summary>
internal sealed class ChatCompletionWriter(Exchange exchange, int choices, bool hasLogProbabilities)
    : AnswerFrame<ChatReply>(exchange, "chatcmpl", "chat.completion", "chat.completion.chunk", choices)
{
    protected override Task StartedOf(ChatReply reply) => reply.Started;

    protected override async Task<(Usage Usage, Action<Utf8JsonWriter> Write)> CollectAsync(ChatReply reply, int index)
    {
        List<TokenLogProbability> tokens = [];
        if (hasLogProbabilities)
        {
            await foreach (ChatPiece piece in reply.WithCancellation(Exchange.Cancellation))
                tokens.AddRange(piece.LogProbabilities);
        }

        ChatOutcome outcome = Replies.Ended(await reply.Outcome.WaitAsync(Exchange.Cancellation));
        return (outcome.Usage, json => WriteChoice(json, index, outcome, tokens));
    }

    protected override async Task<Usage> StreamChoiceAsync(EventStream stream, ChatReply reply, int index)
    {
        await SendAsync(stream, (this, index), static (json, it) => it.Item1.WriteDeltaChoice(json, it.index, default, null, isFirst: true), promptTokens: reply.PromptTokens);
        await foreach (ChatPiece piece in reply.WithCancellation(Exchange.Cancellation))
        {
            if (!piece.IsEmpty)
                await SendAsync(stream, (this, index, piece), static (json, it) => it.Item1.WriteDeltaChoice(json, it.index, it.piece, null));
        }

        ChatOutcome outcome = Replies.Ended(await reply.Outcome.WaitAsync(Exchange.Cancellation));
        await SendAsync(stream, (this, index, outcome), static (json, it) => it.Item1.WriteDeltaChoice(json, it.index, default, it.outcome), outcome.Usage);
        return outcome.Usage;
    }

    private void WriteChoice(Utf8JsonWriter json, int index, ChatOutcome outcome, List<TokenLogProbability> tokens)
    {
        json.WriteStartObject();
        json.WriteNumber("index", index);
        WriteMessage(json, outcome.Message);
        WriteLogProbabilities(json, tokens);
        json.WriteString("finish_reason", Replies.FinishWord(outcome.Finish));
        json.WriteEndObject();
    }

    private void WriteDeltaChoice(Utf8JsonWriter json, int index, ChatPiece piece, ChatOutcome? end, bool isFirst = false)
    {
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteStartObject("delta");
        if (isFirst)
        {
            json.WriteString("role", "assistant");
            json.WriteString("content", "");
        }
        else if (end is null)
        {
            WriteDelta(json, piece);
        }

        json.WriteEndObject();
        WriteLogProbabilities(json, piece.LogProbabilities ?? []);
        json.WriteString("finish_reason", end is null ? null : Replies.FinishWord(end.Finish));
        json.WriteEndObject();
    }

    private static void WriteDelta(Utf8JsonWriter json, ChatPiece piece)
    {
        if (piece.Reasoning.Length > 0)
            json.WriteString("reasoning_content", piece.Reasoning);
        if (piece.Text.Length > 0 || (piece.Reasoning.Length == 0 && piece.ToolCalls.Count == 0))
            json.WriteString("content", piece.Text);
        if (piece.ToolCalls.Count == 0)
            return;
        json.WriteStartArray("tool_calls");
        foreach (ToolCallPiece call in piece.ToolCalls)
        {
            json.WriteStartObject();
            json.WriteNumber("index", call.Index);
            if (call.Id is not null)
            {
                json.WriteString("id", call.Id);
                json.WriteString("type", "function");
            }

            json.WriteStartObject("function");
            if (call.Name is not null)
                json.WriteString("name", call.Name);
            json.WriteString("arguments", call.Arguments);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private void WriteLogProbabilities(Utf8JsonWriter json, IReadOnlyList<TokenLogProbability> tokens)
    {
        json.WritePropertyName("logprobs");
        if (hasLogProbabilities && tokens.Count > 0)
            TokenTexts.WriteContent(json, Exchange.Served.Tokenizer, tokens);
        else
            json.WriteNullValue();
    }

    private static void WriteMessage(Utf8JsonWriter json, ChatMessage message)
    {
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        json.WriteString("content", message.Content.Length > 0 || message.ToolCalls.Count == 0 ? message.Content : null);
        json.WriteNull("refusal");
        if (!string.IsNullOrEmpty(message.Reasoning))
            json.WriteString("reasoning_content", message.Reasoning);
        if (message.ToolCalls.Count > 0)
        {
            json.WriteStartArray("tool_calls");
            foreach (ToolCall call in message.ToolCalls)
            {
                json.WriteStartObject();
                json.WriteString("id", call.Id);
                json.WriteString("type", "function");
                json.WriteStartObject("function");
                json.WriteString("name", call.Name);
                json.WriteString("arguments", call.Arguments);
                json.WriteEndObject();
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        json.WriteEndObject();
    }
}
