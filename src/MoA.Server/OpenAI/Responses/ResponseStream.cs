using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Server.Http;
using MoA.Serving.Chat;

namespace MoA.Server.OpenAI.Responses;

/// <summary>
/// Sends an answer of <c>/v1/responses</c> as it is written: created, in progress, then every item from added to done, one after the other,
/// then completed.
/// </summary>
internal sealed class ResponseStream(Exchange exchange, ResponseDocument document)
{
    private readonly List<OutputItem> _items = [];
    private readonly Tokenizer? _tokenizer = exchange.Served.Service.Model.Tokenizer;
    private EventStream _stream = null!;
    private OutputItem? _open;
    private int _sequence;

    /// <summary>Sends all of it.</summary>
    public async Task SendAsync(ChatReply reply)
    {
        await Replies.AwaitStartAsync(exchange, [reply.Started]);
        await using EventStream stream = await EventStream.StartAsync(exchange.Context, exchange.Served.Options, exchange.Cancellation);
        _stream = stream;
        try
        {
            await SendDocumentAsync("response.created", null, null);
            await SendDocumentAsync("response.in_progress", null, null);
            await foreach (ChatPiece piece in reply.WithCancellation(exchange.Cancellation))
                await SendPieceAsync(piece);
            ChatOutcome outcome = Replies.Ended(await reply.Outcome.WaitAsync(exchange.Cancellation));
            if (_open is null && _items.Count == 0)
                await OpenAsync(new OutputItem(OutputKind.Message));
            await CloseAsync(isCut: outcome.Finish == ChatFinish.Length);
            await SendDocumentAsync($"response.{ResponseDocument.StatusOf(outcome)}", outcome, null);
        }
        catch (Exception failure) when (exchange.Explain(failure) is ApiException error)
        {
            await SendDocumentAsync("response.failed", null, error);
        }
    }

    private async ValueTask SendPieceAsync(ChatPiece piece)
    {
        if (piece.Reasoning.Length > 0)
        {
            await OpenAsync(OutputKind.Reasoning);
            await SendDeltaAsync("response.reasoning_text.delta", piece.Reasoning, []);
        }

        if (piece.Text.Length > 0 || (piece.LogProbabilities.Count > 0 && _open is { Kind: OutputKind.Message }))
        {
            await OpenAsync(OutputKind.Message);
            await SendDeltaAsync("response.output_text.delta", piece.Text, piece.LogProbabilities);
        }

        foreach (ToolCallPiece call in piece.ToolCalls)
        {
            if (call.Id is not null)
                await OpenAsync(new OutputItem(OutputKind.Call, call.Id, call.Name));
            if (call.Arguments.Length > 0)
                await SendDeltaAsync("response.function_call_arguments.delta", call.Arguments, []);
        }
    }

    private ValueTask OpenAsync(OutputKind kind) => _open?.Kind == kind ? ValueTask.CompletedTask : OpenAsync(new OutputItem(kind));

    private async ValueTask OpenAsync(OutputItem item)
    {
        await CloseAsync(isCut: false);
        _open = item;
        _items.Add(item);
        await SendItemAsync("response.output_item.added", isDone: false);
        if (item.Kind != OutputKind.Call)
            await SendPartAsync("response.content_part.added", isDone: false);
    }

    private async ValueTask CloseAsync(bool isCut)
    {
        if (_open is not OutputItem item)
            return;
        item.IsCut = isCut;
        await SendAsync(Name(item.Kind), (this, item), static (json, it) =>
        {
            it.Item1.WritePlace(json, hasContent: it.item.Kind != OutputKind.Call);
            json.WriteString(it.item.Kind == OutputKind.Call ? "arguments" : "text", it.item.Text.ToString());
            if (it.item.Kind == OutputKind.Message)
            {
                json.WritePropertyName("logprobs");
                TokenTexts.WriteList(json, it.Item1._tokenizer!, it.item.Tokens);
            }
        });
        if (item.Kind != OutputKind.Call)
            await SendPartAsync("response.content_part.done", isDone: true);
        await SendItemAsync("response.output_item.done", isDone: true);
        _open = null;

        static string Name(OutputKind kind) => kind switch
        {
            OutputKind.Reasoning => "response.reasoning_text.done",
            OutputKind.Message => "response.output_text.done",
            _ => "response.function_call_arguments.done",
        };
    }

    private ValueTask SendDeltaAsync(string name, string delta, IReadOnlyList<TokenLogProbability> tokens)
    {
        _open!.Text.Append(delta);
        _open.Tokens.AddRange(tokens);
        return SendAsync(name, (this, delta, tokens), static (json, it) =>
        {
            OutputKind kind = it.Item1._open!.Kind;
            it.Item1.WritePlace(json, hasContent: kind != OutputKind.Call);
            json.WriteString("delta", it.delta);
            if (kind == OutputKind.Message)
            {
                json.WritePropertyName("logprobs");
                TokenTexts.WriteList(json, it.Item1._tokenizer!, it.tokens);
            }
        });
    }

    private ValueTask SendItemAsync(string name, bool isDone) => SendAsync(name, (this, isDone), static (json, it) =>
    {
        json.WriteNumber("output_index", it.Item1._items.Count - 1);
        json.WritePropertyName("item");
        it.Item1._open!.Write(json, it.Item1._tokenizer, it.isDone);
    });

    private ValueTask SendPartAsync(string name, bool isDone) => SendAsync(name, (this, isDone), static (json, it) =>
    {
        it.Item1.WritePlace(json, hasContent: true);
        json.WritePropertyName("part");
        it.Item1._open!.WritePart(json, it.Item1._tokenizer, it.isDone);
    });

    private ValueTask SendDocumentAsync(string name, ChatOutcome? outcome, ApiException? error) =>
        SendAsync(name, (this, outcome, error), static (json, it) =>
        {
            json.WritePropertyName("response");
            it.Item1.Document.Write(json, it.Item1._items, it.outcome, it.error);
        });

    private ResponseDocument Document => document;

    private void WritePlace(Utf8JsonWriter json, bool hasContent)
    {
        json.WriteString("item_id", _open!.Id);
        json.WriteNumber("output_index", _items.Count - 1);
        if (hasContent)
            json.WriteNumber("content_index", 0);
    }

    private ValueTask SendAsync<TState>(string name, TState state, Action<Utf8JsonWriter, TState> writeMembers) =>
        _stream.SendAsync(name, (name, state, writeMembers, number: _sequence++), static (json, it) =>
        {
            json.WriteStartObject();
            json.WriteString("type", it.name);
            json.WriteNumber("sequence_number", it.number);
            it.writeMembers(json, it.state);
            json.WriteEndObject();
        });
}
