using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Server.Http;
using MoA.Serving;

namespace MoA.Server.OpenAI;

/// <summary>Writes the texts of <c>/v1/completions</c>, whole or as they come.</summary>
/// <param name="exchange">The request.</param>
/// <param name="prompts">The prompt of each text.</param>
/// <param name="perPrompt">Texts to each prompt.</param>
/// <param name="echoes">Whether prompts stand before their texts.</param>
/// <param name="hasLogProbabilities">Whether it is told how likely tokens were.</param>
internal sealed class CompletionWriter(Exchange exchange, IReadOnlyList<CompletionPrompt> prompts, int perPrompt, bool echoes, bool hasLogProbabilities)
    : AnswerFrame<TextReply>(exchange, "cmpl", "text_completion", "text_completion", perPrompt)
{
    protected override Task StartedOf(TextReply reply) => reply.Started;

    protected override async Task<(Usage Usage, Action<Utf8JsonWriter> Write)> CollectAsync(TextReply reply, int index)
    {
        CompletionTokens? tokens = BeginTokens();
        if (tokens is not null)
        {
            await foreach (GenerationPiece piece in reply.WithCancellation(Exchange.Cancellation))
                Add(tokens, piece.LogProbabilities, reply, index);
        }

        GenerationOutcome outcome = Replies.Ended(await reply.Outcome.WaitAsync(Exchange.Cancellation));
        Add(tokens, [], reply, index);
        Chunk chunk = new(index, EchoOf(index) + outcome.Text, tokens, outcome);
        return (outcome.Usage, json => WriteChoice(json, chunk));
    }

    protected override async Task<Usage> StreamChoiceAsync(EventStream stream, TextReply reply, int index)
    {
        string echo = EchoOf(index);
        CompletionTokens? tokens = BeginTokens();
        if (echo.Length > 0 && tokens is null)
            await SendAsync(stream, new Chunk(index, echo, null, null));
        await foreach (GenerationPiece piece in reply.WithCancellation(Exchange.Cancellation))
        {
            // How likely the prompt was is known with the first piece.
            string text = tokens is { IsEmpty: true } ? echo + piece.Text : piece.Text;
            Add(tokens, piece.LogProbabilities, reply, index);
            if (text.Length > 0 || tokens is { Count: > 0 })
                await SendAsync(stream, new Chunk(index, text, tokens, null));
            tokens?.Clear();
        }

        GenerationOutcome outcome = Replies.Ended(await reply.Outcome.WaitAsync(Exchange.Cancellation));
        string rest = tokens is { IsEmpty: true } ? echo : "";
        Add(tokens, [], reply, index);
        await SendAsync(stream, new Chunk(index, rest, tokens, outcome));
        return outcome.Usage;
    }

    private string EchoOf(int index) => echoes ? prompts[index].TextOf(Exchange.Served) : "";

    private CompletionTokens? BeginTokens() => hasLogProbabilities ? new CompletionTokens(Exchange.Served.Tokenizer) : null;

    private void Add(CompletionTokens? tokens, IReadOnlyList<TokenLogProbability> scores, TextReply reply, int index)
    {
        if (echoes && tokens is { IsEmpty: true })
            tokens.AddPrompt(prompts[index].Tokens, EchoOf(index), reply.PromptLogProbabilities);
        tokens?.Add(scores);
    }

    private ValueTask SendAsync(EventStream stream, Chunk chunk) =>
        SendAsync(stream, chunk, WriteChoice, chunk.End?.Usage);

    private static void WriteChoice(Utf8JsonWriter json, Chunk chunk)
    {
        json.WriteStartObject();
        json.WriteString("text", chunk.Text);
        json.WriteNumber("index", chunk.Index);
        json.WritePropertyName("logprobs");
        if (chunk.Tokens is { Count: > 0 } tokens)
            tokens.WriteTo(json);
        else
            json.WriteNullValue();
        json.WriteString("finish_reason", chunk.End is null ? null : chunk.End.Finish == FinishReason.Length ? "length" : "stop");
        json.WriteEndObject();
    }

    /// <summary>A part of a text, or all of it.</summary>
    private readonly record struct Chunk(int Index, string Text, CompletionTokens? Tokens, GenerationOutcome? End);
}
