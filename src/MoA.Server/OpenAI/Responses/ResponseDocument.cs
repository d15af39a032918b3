using System.Text.Json;
using MoA.Engine.Generation;
using MoA.Server.Http;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Server.OpenAI.Responses;

/// <summary>The document that <c>/v1/responses</c> answers with, at its beginning and at its end.</summary>
internal sealed class ResponseDocument(Exchange exchange, ChatRequest request)
{
    private readonly string _id = $"resp_{Guid.NewGuid():N}";
    private readonly long _created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    /// <summary>Waits for the answer and writes it whole.</summary>
    public async Task RespondAsync(ChatReply reply)
    {
        List<TokenLogProbability> tokens = [];
        if (request.LogProbabilities is not null)
        {
            await foreach (ChatPiece piece in reply.WithCancellation(exchange.Cancellation))
                tokens.AddRange(piece.LogProbabilities);
        }

        ChatOutcome outcome = Replies.Ended(await reply.Outcome.WaitAsync(exchange.Cancellation));
        IReadOnlyList<OutputItem> items = OutputItem.Of(outcome, tokens);
        await exchange.RespondAsync((this, items, outcome), static (json, it) => it.Item1.Write(json, it.items, it.outcome, null));
    }

    /// <summary>How the answer's state is called when it has ended.</summary>
    public static string StatusOf(ChatOutcome outcome) => outcome.Finish == ChatFinish.Length ? "incomplete" : "completed";

    /// <summary>Writes the document.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="items">What has been written.</param>
    /// <param name="outcome">The answer when it has ended, else null.</param>
    /// <param name="error">What went wrong, if something did.</param>
    public void Write(Utf8JsonWriter json, IReadOnlyList<OutputItem> items, ChatOutcome? outcome, ApiException? error)
    {
        json.WriteStartObject();
        json.WriteString("id", _id);
        json.WriteString("object", "response");
        json.WriteNumber("created_at", _created);
        json.WriteString("status", error is not null ? "failed" : outcome is null ? "in_progress" : StatusOf(outcome));
        json.WriteNull("access_programs");
        json.WriteBoolean("background", false);
        json.WritePropertyName("error");
        if (error is null)
            json.WriteNullValue();
        else
            WriteError(json, error);
        json.WritePropertyName("incomplete_details");
        if (outcome is { Finish: ChatFinish.Length })
        {
            json.WriteStartObject();
            json.WriteString("reason", "max_output_tokens");
            json.WriteEndObject();
        }
        else
        {
            json.WriteNullValue();
        }

        WriteRequest(json);
        json.WriteStartArray("output");
        foreach (OutputItem item in items)
            item.Write(json, exchange.Served.Service.Model.Tokenizer, isDone: true);
        json.WriteEndArray();
        if (outcome is null)
        {
            json.WriteNull("usage");
        }
        else
        {
            WriteUsage(json, outcome.Usage);
            UsageJson.WriteOwn(json, outcome.Usage);
        }

        json.WriteEndObject();
    }

    /// <summary><c>{"code":…,"message":…}</c>.</summary>
    private static void WriteError(Utf8JsonWriter json, ApiException error)
    {
        json.WriteStartObject();
        json.WriteString("code", error.Code ?? (error.Status >= 500 ? "server_error" : "invalid_request_error"));
        json.WriteString("message", error.Message);
        json.WriteEndObject();
    }

    // What was asked for, as it was asked where it was, else as it was taken.
    private void WriteRequest(Utf8JsonWriter json)
    {
        JsonInput body = exchange.Body;
        Echo(json, body["instructions"], "instructions", null);
        Echo(json, body["max_output_tokens"], "max_output_tokens", null);
        json.WriteString("model", exchange.Served.Name);
        json.WriteBoolean("parallel_tool_calls", request.ParallelToolCalls);
        json.WriteNull("previous_response_id");
        Echo(json, body["reasoning"], "reasoning", """{"effort":null,"summary":null}""");
        json.WriteBoolean("store", false);
        json.WriteNumber("temperature", request.Sampling.Temperature);
        Echo(json, body["text"], "text", """{"format":{"type":"text"}}""");
        Echo(json, body["tool_choice"], "tool_choice", "\"auto\"");
        Echo(json, body["tools"], "tools", "[]");
        json.WriteNumber("top_p", request.Sampling.TopP);
        json.WriteString("truncation", "disabled");
        Echo(json, body["metadata"], "metadata", "{}");
    }

    private static void Echo(Utf8JsonWriter json, JsonInput field, string name, string? otherwise)
    {
        json.WritePropertyName(name);
        if (field.HasValue)
            field.Element.WriteTo(json);
        else if (otherwise is null)
            json.WriteNullValue();
        else
            json.WriteRawValue(otherwise);
    }

    private static void WriteUsage(Utf8JsonWriter json, Usage usage)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("input_tokens", usage.PromptTokens);
        json.WriteStartObject("input_tokens_details");
        json.WriteNumber("cached_tokens", usage.CachedTokens);
        json.WriteNumber("cache_write_tokens", 0);
        json.WriteEndObject();
        json.WriteNumber("output_tokens", usage.NewTokens);
        json.WriteStartObject("output_tokens_details");
        json.WriteNumber("reasoning_tokens", usage.ReasoningTokens);
        json.WriteEndObject();
        json.WriteNumber("total_tokens", usage.PromptTokens + usage.NewTokens);
        json.WriteEndObject();
    }
}
