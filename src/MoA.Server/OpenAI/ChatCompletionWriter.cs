using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Server.Http;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Server.OpenAI;

/// <summary>Writes the answers of <c>/v1/chat/completions</c>, whole or as they come.</summary>
internal sealed class ChatCompletionWriter(Exchange exchange, bool hasLogProbabilities)
{
    private readonly string _id = $"chatcmpl-{Guid.NewGuid():N}";
    private readonly long _created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    private readonly string _model = exchange.Served.Name;
    private bool _includesUsage;

    /// <summary>Waits for all answers and writes them in one document.</summary>
    public async Task RespondAsync(IReadOnlyList<ChatReply> replies)
    {
        (ChatOutcome Outcome, List<TokenLogProbability> Tokens)[] choices = await Task.WhenAll(replies.Select(CollectAsync));
        await exchange.RespondAsync((this, choices), static (json, it) => it.Item1.WriteWhole(json, it.choices));
    }

    /// <summary>Sends the answers as they are written.</summary>
    public async Task StreamAsync(IReadOnlyList<ChatReply> replies, bool includesUsage)
    {
        _includesUsage = includesUsage;
        await Replies.AwaitStartAsync(exchange, replies.Select(reply => reply.Started));
        await using EventStream stream = await EventStream.StartAsync(exchange.Context, exchange.Served.Options, exchange.Cancellation);
        try
        {
            Usage[] usages = await Task.WhenAll(replies.Select((reply, index) => StreamChoiceAsync(stream, reply, index)));
            if (includesUsage)
                await stream.SendAsync(null, (this, UsageJson.Total(usages, usages.Length)), static (json, it) => it.Item1.WriteUsageChunk(json, it.Item2));
            await stream.SendDoneAsync();
        }
        catch (Exception failure) when (exchange.Explain(failure) is ApiException error)
        {
            await stream.SendAsync(null, error, ErrorJson.WriteOpenAI);
        }
    }

    private async Task<(ChatOutcome, List<TokenLogProbability>)> CollectAsync(ChatReply reply)
    {
        List<TokenLogProbability> tokens = [];
        if (hasLogProbabilities)
        {
            await foreach (ChatPiece piece in reply.WithCancellation(exchange.Cancellation))
                tokens.AddRange(piece.LogProbabilities);
        }

        return (Replies.Ended(await reply.Outcome.WaitAsync(exchange.Cancellation)), tokens);
    }

    private async Task<Usage> StreamChoiceAsync(EventStream stream, ChatReply reply, int index)
    {
        await stream.SendAsync(null, (this, index, reply.PromptTokens), static (json, it) => it.Item1.WriteChunk(json, it.index, default, it.PromptTokens, null));
        await foreach (ChatPiece piece in reply.WithCancellation(exchange.Cancellation))
        {
            if (!piece.IsEmpty)
                await stream.SendAsync(null, (this, index, piece), static (json, it) => it.Item1.WriteChunk(json, it.index, it.piece, null, null));
        }

        ChatOutcome outcome = Replies.Ended(await reply.Outcome.WaitAsync(exchange.Cancellation));
        await stream.SendAsync(null, (this, index, outcome), static (json, it) => it.Item1.WriteChunk(json, it.index, default, null, it.outcome));
        return outcome.Usage;
    }

    private void WriteHead(Utf8JsonWriter json, string kind)
    {
        json.WriteString("id", _id);
        json.WriteString("object", kind);
        json.WriteNumber("created", _created);
        json.WriteString("model", _model);
    }

    // The first chunk has no piece but the prompt's tokens, from which on callers can count.
    private void WriteChunk(Utf8JsonWriter json, int index, ChatPiece piece, int? promptTokens, ChatOutcome? end)
    {
        json.WriteStartObject();
        WriteHead(json, "chat.completion.chunk");
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteStartObject("delta");
        if (promptTokens is not null)
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
        json.WriteEndArray();
        if (_includesUsage)
            json.WriteNull("usage");
        if (end is not null)
            UsageJson.WriteOwn(json, end.Usage);
        if (promptTokens is int tokens)
            UsageJson.WriteOwn(json, tokens);
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
            TokenTexts.WriteContent(json, exchange.Served.Tokenizer, tokens);
        else
            json.WriteNullValue();
    }

    private void WriteUsageChunk(Utf8JsonWriter json, Usage usage)
    {
        json.WriteStartObject();
        WriteHead(json, "chat.completion.chunk");
        json.WriteStartArray("choices");
        json.WriteEndArray();
        UsageJson.WriteUsage(json, usage);
        UsageJson.WriteOwn(json, usage);
        json.WriteEndObject();
    }

    private void WriteWhole(Utf8JsonWriter json, (ChatOutcome Outcome, List<TokenLogProbability> Tokens)[] choices)
    {
        json.WriteStartObject();
        WriteHead(json, "chat.completion");
        json.WriteStartArray("choices");
        for (int index = 0; index < choices.Length; index++)
        {
            (ChatOutcome outcome, List<TokenLogProbability> tokens) = choices[index];
            json.WriteStartObject();
            json.WriteNumber("index", index);
            WriteMessage(json, outcome.Message);
            WriteLogProbabilities(json, tokens);
            json.WriteString("finish_reason", Replies.FinishWord(outcome.Finish));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        Usage total = UsageJson.Total([.. choices.Select(choice => choice.Outcome.Usage)], choices.Length);
        UsageJson.WriteUsage(json, total);
        UsageJson.WriteOwn(json, total);
        json.WriteEndObject();
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
