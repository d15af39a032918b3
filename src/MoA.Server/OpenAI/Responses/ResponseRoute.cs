using MoA.Engine.Tokenization;
using MoA.Server.Http;
using MoA.Serving.Chat;

namespace MoA.Server.OpenAI.Responses;

/// <summary><c>POST /v1/responses</c>. Nothing is kept between requests: each brings its whole conversation.</summary>
internal static class ResponseRoute
{
    private static readonly RefusedFields Refused = new(
        ("previous_response_id", "nothing is kept between requests; send the whole conversation as input"),
        ("conversation", "nothing is kept between requests; send the whole conversation as input"),
        ("background", "the answer comes with the request"),
        ("prompt", "send the text as input"),
        ("modalities", "the model writes text only"));

    /// <summary>Answers a conversation.</summary>
    public static async Task AnswerAsync(Exchange exchange)
    {
        ChatRequest request = Read(exchange.Body, exchange.Served);
        bool streams = exchange.Streams;
        await using ChatReply reply = exchange.Served.Service.Chat(request);
        ResponseDocument document = new(exchange, request);
        if (streams)
            await new ResponseStream(exchange, document).SendAsync(reply);
        else
            await document.RespondAsync(reply);
    }

    private static ChatRequest Read(JsonInput body, ServedModel served)
    {
        RefusedFields.OfAnyText.Check(body);
        Refused.Check(body);
        IReadOnlyList<ToolDefinition> tools = ReadTools(body["tools"]);
        (bool? thinks, string? effort) = FormatFields.ReadEffort(body["reasoning"]["effort"]);
        bool hasLogProbabilities = body["include"].Items().Any(item => item.AsText() == "message.output_text.logprobs");
        return new ChatRequest
        {
            Messages = ResponseInput.Read(body),
            Conversation = ConversationFields.Read(body["prompt_cache_key"], body["user"]),
            Tools = tools,
            ToolChoice = ToolFields.ReadChoice(body["tool_choice"], tools, choice => choice["name"]),
            ParallelToolCalls = body["parallel_tool_calls"].AsOptionalBoolean() ?? true,
            Format = FormatFields.ReadFormat(body["text"]["format"], format => format["schema"]),
            Thinks = thinks,
            ReasoningEffort = effort,
            MaxNewTokens = body["max_output_tokens"].AsOptionalInt32(1),
            Sampling = SamplingFields.Read(body, served),
            Stop = SamplingFields.ReadStops(body["stop"], served),
            LogProbabilities = hasLogProbabilities ? body["top_logprobs"].AsOptionalInt32(0, 20) ?? 0 : null,
        };
    }

    // Tools that OpenAI runs itself are passed over: agents send their whole list to everyone.
    private static IReadOnlyList<ToolDefinition> ReadTools(JsonInput field) => ToolFields.Distinct(field, field.Items("a list of tools")
        .Where(tool => tool.ExpectObject("a tool")["type"].AsText("a tool's type") == "function")
        .Select(tool => ToolFields.ReadFunction(tool, "parameters")));
}
