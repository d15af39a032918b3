using System.Text.Json;
using MoA.Server.Http;
using MoA.Server.OpenAI;
using MoA.Serving.Chat;

namespace MoA.Server.Anthropic;

/// <summary>Sends a message as it is written: message_start, every block from start to stop, message_delta, message_stop.</summary>
internal sealed class MessageStream(Exchange exchange, int maxTokens)
{
    private const string Ping = "event: ping\ndata: {\"type\":\"ping\"}\n\n";

    private readonly string _id = MessageJson.NewId();
    private EventStream _stream = null!;
    private string? _open;
    private int _index = -1;

    /// <summary>Sends all of it.</summary>
    public async Task SendAsync(ChatReply reply)
    {
        await Replies.AwaitStartAsync(exchange, [reply.Started]);
        await using EventStream stream = await EventStream.StartAsync(exchange.Context, exchange.Served.Options, exchange.Cancellation, Ping);
        _stream = stream;
        try
        {
            await SendAsync("message_start", (_id, exchange.Served.Name, reply.PromptTokens), static (json, it) =>
            {
                json.WriteStartObject("message");
                MessageJson.WriteHead(json, it._id, it.Name);
                json.WriteStartArray("content");
                json.WriteEndArray();
                MessageJson.WriteStop(json, null, 0);
                MessageJson.WriteUsage(json, it.PromptTokens, 0, 0, 0);
                json.WriteEndObject();
            });
            await SendAsync("ping", 0, static (_, _) => { });
            await foreach (ChatPiece piece in reply.WithCancellation(exchange.Cancellation))
                await SendPieceAsync(piece);
            ChatOutcome outcome = Replies.Ended(await reply.Outcome.WaitAsync(exchange.Cancellation));
            await CloseAsync();
            await SendEndAsync(outcome);
        }
        catch (Exception failure) when (exchange.Explain(failure) is ApiException error)
        {
            await stream.SendAsync("error", (error, exchange.Id), static (json, it) => ErrorJson.WriteAnthropic(json, it.error, it.Id));
        }
    }

    private async ValueTask SendPieceAsync(ChatPiece piece)
    {
        if (piece.Reasoning.Length > 0)
        {
            await OpenAsync("thinking");
            await SendDeltaAsync("thinking_delta", "thinking", piece.Reasoning);
        }

        if (piece.Text.Length > 0)
        {
            await OpenAsync("text");
            await SendDeltaAsync("text_delta", "text", piece.Text);
        }

        foreach (ToolCallPiece call in piece.ToolCalls)
        {
            if (call.Id is not null)
                await OpenCallAsync(call);
            if (call.Arguments.Length > 0)
                await SendDeltaAsync("input_json_delta", "partial_json", call.Arguments);
        }
    }

    private async ValueTask OpenAsync(string type)
    {
        if (_open == type)
            return;
        await BeginAsync(type);
        await SendAsync("content_block_start", (_index, type), static (json, it) =>
        {
            json.WriteNumber("index", it._index);
            json.WriteStartObject("content_block");
            if (it.type == "thinking")
                MessageJson.WriteThinking(json, "");
            else
                MessageJson.WriteText(json, "");
            json.WriteEndObject();
        });
    }

    private async ValueTask OpenCallAsync(ToolCallPiece call)
    {
        await BeginAsync("tool_use");
        await SendAsync("content_block_start", (_index, call), static (json, it) =>
        {
            json.WriteNumber("index", it._index);
            json.WriteStartObject("content_block");
            MessageJson.WriteCall(json, it.call.Id, it.call.Name);
            json.WriteStartObject("input");
            json.WriteEndObject();
            json.WriteEndObject();
        });
    }

    private async ValueTask BeginAsync(string type)
    {
        await CloseAsync();
        _open = type;
        _index++;
    }

    private async ValueTask CloseAsync()
    {
        if (_open is null)
            return;
        if (_open == "thinking")
            await SendDeltaAsync("signature_delta", "signature", "");
        await SendAsync("content_block_stop", _index, static (json, index) => json.WriteNumber("index", index));
        _open = null;
    }

    private ValueTask SendDeltaAsync(string type, string member, string text) =>
        SendAsync("content_block_delta", (_index, type, member, text), static (json, it) =>
        {
            json.WriteNumber("index", it._index);
            json.WriteStartObject("delta");
            json.WriteString("type", it.type);
            json.WriteString(it.member, it.text);
            json.WriteEndObject();
        });

    private async ValueTask SendEndAsync(ChatOutcome outcome)
    {
        await SendAsync("message_delta", (outcome, maxTokens), static (json, it) =>
        {
            (ChatOutcome outcome, int maxTokens) = it;
            json.WriteStartObject("delta");
            MessageJson.WriteStop(json, outcome, maxTokens);
            json.WriteEndObject();
            MessageJson.WriteUsage(json, outcome.Usage.PromptTokens, outcome.Usage.CachedTokens, outcome.Usage.NewTokens, outcome.Usage.ReasoningTokens);
            UsageJson.WriteOwn(json, outcome.Usage);
        });
        await SendAsync("message_stop", 0, static (_, _) => { });
    }

    private ValueTask SendAsync<TState>(string name, TState state, Action<Utf8JsonWriter, TState> writeMembers) =>
        _stream.SendAsync(name, (name, state, writeMembers), static (json, it) =>
        {
            json.WriteStartObject();
            json.WriteString("type", it.name);
            it.writeMembers(json, it.state);
            json.WriteEndObject();
        });
}
