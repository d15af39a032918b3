using System.Text.Json;
using MoA.Server.Http;
using MoA.Serving;

namespace MoA.Server.OpenAI;

/// <summary>What OpenAI's routes of completions have in common: one document with all choices, or chunks with one id, a choice each, the usage, and <c>[DONE]</c>.</summary>
/// <typeparam name="TReply">What a choice is written from.</typeparam>
/// <param name="exchange">The request.</param>
/// <param name="idPrefix">What the id begins with.</param>
/// <param name="kind">The document's kind.</param>
/// <param name="chunkKind">A chunk's kind.</param>
/// <param name="perPrompt">Choices to each prompt.</param>
internal abstract class AnswerFrame<TReply>(Exchange exchange, string idPrefix, string kind, string chunkKind, int perPrompt)
{
    private readonly string _id = $"{idPrefix}-{Guid.NewGuid():N}";
    private readonly long _created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    private bool _includesUsage;

    /// <summary>The request.</summary>
    protected Exchange Exchange => exchange;

    /// <summary>Waits for all choices and writes them in one document.</summary>
    public async Task RespondAsync(IReadOnlyList<TReply> replies)
    {
        (Usage Usage, Action<Utf8JsonWriter> Write)[] choices = await Task.WhenAll(replies.Select(CollectAsync));
        await exchange.RespondAsync((this, choices), static (json, it) => it.Item1.WriteWhole(json, it.choices));
    }

    /// <summary>Sends the choices as they are written.</summary>
    public async Task StreamAsync(IReadOnlyList<TReply> replies, bool includesUsage)
    {
        _includesUsage = includesUsage;
        await Replies.AwaitStartAsync(exchange, replies.Select(StartedOf));
        await using EventStream stream = await EventStream.StartAsync(exchange.Context, exchange.Served.Options, exchange.Cancellation);
        try
        {
            Usage[] usages = await Task.WhenAll(replies.Select((reply, index) => StreamChoiceAsync(stream, reply, index)));
            if (includesUsage)
                await stream.SendAsync(null, (this, UsageJson.Total(usages, perPrompt)), static (json, it) => it.Item1.WriteUsageChunk(json, it.Item2));
            await stream.SendDoneAsync();
        }
        catch (Exception failure) when (exchange.Explain(failure) is ApiException error)
        {
            await stream.SendAsync(null, error, ErrorJson.WriteOpenAI);
        }
    }

    /// <summary>Completes when a reply has begun.</summary>
    protected abstract Task StartedOf(TReply reply);

    /// <summary>Waits for a choice: what it took, and what writes it.</summary>
    protected abstract Task<(Usage Usage, Action<Utf8JsonWriter> Write)> CollectAsync(TReply reply, int index);

    /// <summary>Sends a choice in chunks.</summary>
    protected abstract Task<Usage> StreamChoiceAsync(EventStream stream, TReply reply, int index);

    /// <summary>Sends a chunk.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="state">What it is of.</param>
    /// <param name="writeChoice">Writes its choice.</param>
    /// <param name="end">What the choice took, if it ends here.</param>
    /// <param name="promptTokens">The prompt's tokens, if it begins here, from which on callers can count.</param>
    protected ValueTask SendAsync<TState>(
        EventStream stream, TState state, Action<Utf8JsonWriter, TState> writeChoice, Usage? end = null, int? promptTokens = null) =>
        stream.SendAsync(null, (this, state, writeChoice, end, promptTokens), static (json, it) =>
        {
            json.WriteStartObject();
            it.Item1.WriteHead(json, isChunk: true);
            json.WriteStartArray("choices");
            it.writeChoice(json, it.state);
            json.WriteEndArray();
            if (it.Item1._includesUsage)
                json.WriteNull("usage");
            if (it.end is not null)
                UsageJson.WriteOwn(json, it.end);
            if (it.promptTokens is int tokens)
                UsageJson.WriteOwn(json, tokens);
            json.WriteEndObject();
        });

    private void WriteHead(Utf8JsonWriter json, bool isChunk)
    {
        json.WriteString("id", _id);
        json.WriteString("object", isChunk ? chunkKind : kind);
        json.WriteNumber("created", _created);
        json.WriteString("model", exchange.Served.Name);
    }

    private void WriteUsageChunk(Utf8JsonWriter json, Usage usage)
    {
        json.WriteStartObject();
        WriteHead(json, isChunk: true);
        json.WriteStartArray("choices");
        json.WriteEndArray();
        UsageJson.WriteUsage(json, usage);
        UsageJson.WriteOwn(json, usage);
        json.WriteEndObject();
    }

    private void WriteWhole(Utf8JsonWriter json, (Usage Usage, Action<Utf8JsonWriter> Write)[] choices)
    {
        json.WriteStartObject();
        WriteHead(json, isChunk: false);
        json.WriteStartArray("choices");
        foreach ((_, Action<Utf8JsonWriter> write) in choices)
            write(json);
        json.WriteEndArray();
        Usage total = UsageJson.Total([.. choices.Select(choice => choice.Usage)], perPrompt);
        UsageJson.WriteUsage(json, total);
        UsageJson.WriteOwn(json, total);
        json.WriteEndObject();
    }
}
