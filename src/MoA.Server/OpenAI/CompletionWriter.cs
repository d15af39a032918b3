using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Server.Http;
using MoA.Serving;

namespace MoA.Server.OpenAI;

/// <summary>Writes the texts of <c>/v1/completions</c>, whole or as they come.</summary>
/// <param name="exchange">The request.</param>
/// <param name="echoed">What stands before each text.</param>
/// <param name="perPrompt">Texts to each prompt.</param>
/// <param name="hasLogProbabilities">Whether it is told how likely tokens were.</param>
internal sealed class CompletionWriter(Exchange exchange, string[] echoed, int perPrompt, bool hasLogProbabilities)
{
    private readonly string _id = $"cmpl-{Guid.NewGuid():N}";
    private readonly long _created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
    private readonly string _model = exchange.Served.Name;
    private bool _includesUsage;

    /// <summary>Waits for all texts and writes them in one document.</summary>
    public async Task RespondAsync(IReadOnlyList<TextReply> replies)
    {
        (GenerationOutcome Outcome, List<TokenLogProbability> Tokens)[] choices = await Task.WhenAll(replies.Select(CollectAsync));
        await exchange.RespondAsync((this, choices), static (json, it) => it.Item1.WriteWhole(json, it.choices));
    }

    /// <summary>Sends the texts as they are written.</summary>
    public async Task StreamAsync(IReadOnlyList<TextReply> replies, bool includesUsage)
    {
        _includesUsage = includesUsage;
        await Replies.AwaitStartAsync(exchange, replies.Select(reply => reply.Started));
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

    private async Task<(GenerationOutcome, List<TokenLogProbability>)> CollectAsync(TextReply reply)
    {
        List<TokenLogProbability> tokens = [];
        if (hasLogProbabilities)
        {
            await foreach (GenerationPiece piece in reply.WithCancellation(exchange.Cancellation))
                tokens.AddRange(piece.LogProbabilities);
        }

        return (Replies.Ended(await reply.Outcome.WaitAsync(exchange.Cancellation)), tokens);
    }

    private async Task<Usage> StreamChoiceAsync(EventStream stream, TextReply reply, int index)
    {
        int offset = echoed[index].Length;
        if (offset > 0)
            await SendAsync(stream, new Chunk(index, echoed[index], [], 0, null));
        await foreach (GenerationPiece piece in reply.WithCancellation(exchange.Cancellation))
        {
            if (piece.Text.Length == 0 && piece.LogProbabilities.Count == 0)
                continue;
            await SendAsync(stream, new Chunk(index, piece.Text, piece.LogProbabilities, offset, null));
            offset += piece.Text.Length;
        }

        GenerationOutcome outcome = Replies.Ended(await reply.Outcome.WaitAsync(exchange.Cancellation));
        await SendAsync(stream, new Chunk(index, "", [], offset, outcome));
        return outcome.Usage;
    }

    private ValueTask SendAsync(EventStream stream, Chunk chunk) =>
        stream.SendAsync(null, (this, chunk), static (json, it) => it.Item1.WriteChunk(json, it.chunk));

    private void WriteHead(Utf8JsonWriter json)
    {
        json.WriteString("id", _id);
        json.WriteString("object", "text_completion");
        json.WriteNumber("created", _created);
        json.WriteString("model", _model);
    }

    private void WriteChunk(Utf8JsonWriter json, Chunk chunk)
    {
        json.WriteStartObject();
        WriteHead(json);
        json.WriteStartArray("choices");
        WriteChoice(json, chunk);
        json.WriteEndArray();
        if (_includesUsage)
            json.WriteNull("usage");
        if (chunk.End is not null)
            UsageJson.WriteOwn(json, chunk.End.Usage);
        json.WriteEndObject();
    }

    private void WriteUsageChunk(Utf8JsonWriter json, Usage usage)
    {
        json.WriteStartObject();
        WriteHead(json);
        json.WriteStartArray("choices");
        json.WriteEndArray();
        UsageJson.WriteUsage(json, usage);
        UsageJson.WriteOwn(json, usage);
        json.WriteEndObject();
    }

    private void WriteWhole(Utf8JsonWriter json, (GenerationOutcome Outcome, List<TokenLogProbability> Tokens)[] choices)
    {
        json.WriteStartObject();
        WriteHead(json);
        json.WriteStartArray("choices");
        for (int index = 0; index < choices.Length; index++)
        {
            (GenerationOutcome outcome, List<TokenLogProbability> tokens) = choices[index];
            WriteChoice(json, new Chunk(index, echoed[index] + outcome.Text, tokens, echoed[index].Length, outcome));
        }

        json.WriteEndArray();
        Usage total = UsageJson.Total([.. choices.Select(choice => choice.Outcome.Usage)], perPrompt);
        UsageJson.WriteUsage(json, total);
        UsageJson.WriteOwn(json, total);
        json.WriteEndObject();
    }

    private void WriteChoice(Utf8JsonWriter json, Chunk chunk)
    {
        json.WriteStartObject();
        json.WriteString("text", chunk.Text);
        json.WriteNumber("index", chunk.Index);
        json.WritePropertyName("logprobs");
        if (hasLogProbabilities && chunk.Tokens.Count > 0)
            WriteTokens(json, exchange.Served.Tokenizer, chunk.Tokens, chunk.Offset);
        else
            json.WriteNullValue();
        json.WriteString("finish_reason", chunk.End is null ? null : chunk.End.Finish == FinishReason.Length ? "length" : "stop");
        json.WriteEndObject();
    }

    private static void WriteTokens(Utf8JsonWriter json, Tokenizer tokenizer, IReadOnlyList<TokenLogProbability> tokens, int offset)
    {
        string[] texts = new string[tokens.Count];
        for (int i = 0; i < texts.Length; i++)
            texts[i] = TokenTexts.Of(tokenizer, tokens[i].Token);
        json.WriteStartObject();
        json.WriteStartArray("tokens");
        foreach (string text in texts)
            json.WriteStringValue(text);
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        for (int i = 0; i < tokens.Count; i++)
            json.WriteNumberValue(TokenTexts.Finite(tokens[i].LogProbability));
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs");
        foreach (TokenLogProbability token in tokens)
        {
            json.WriteStartObject();
            HashSet<string> seen = new(token.Top.Count);
            foreach ((int other, double logProbability) in token.Top)
            {
                // Parts of characters look alike; the likeliest stands for them.
                string text = TokenTexts.Of(tokenizer, other);
                if (seen.Add(text))
                    json.WriteNumber(text, TokenTexts.Finite(logProbability));
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("text_offset");
        foreach (string text in texts)
        {
            json.WriteNumberValue(offset);
            offset += text.Length;
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>A part of a text, or all of it.</summary>
    private readonly record struct Chunk(int Index, string Text, IReadOnlyList<TokenLogProbability> Tokens, int Offset, GenerationOutcome? End);
}
