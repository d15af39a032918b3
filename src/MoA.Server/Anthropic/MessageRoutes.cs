using MoA.Engine.Tokenization;
using MoA.Server.Http;
using MoA.Serving.Chat;

namespace MoA.Server.Anthropic;

/// <summary><c>POST /v1/messages</c> and <c>POST /v1/messages/count_tokens</c>.</summary>
internal static class MessageRoutes
{
    private static readonly RefusedFields Refused = new(
        ("mcp_servers", "give the model tools of your own"),
        ("container", "the model runs nothing"),
        ("compaction", "ask for the summary in a message"));

    /// <summary>Answers a conversation.</summary>
    public static async Task AnswerAsync(Exchange exchange)
    {
        ChatRequest request = Read(exchange.Body, exchange.Served) with
        {
            MaxNewTokens = exchange.Body["max_tokens"].Required("the most tokens to write").AsOptionalInt32(1),
            // It has to be given, and clients give what Anthropic's largest models write.
            ShortensToFit = true,
        };
        bool streams = exchange.Streams;
        await using ChatReply reply = exchange.Served.Service.Chat(request);
        if (streams)
            await new MessageStream(exchange, request.MaxNewTokens!.Value).SendAsync(reply);
        else
            await MessageJson.RespondAsync(exchange, reply, request.MaxNewTokens!.Value);
    }

    /// <summary>Counts the tokens of a conversation as the model would read it.</summary>
    public static Task CountAsync(Exchange exchange)
    {
        int tokens = exchange.Served.Service.Encode(Read(exchange.Body, exchange.Served)).Length;
        return exchange.RespondAsync(tokens, static (json, tokens) =>
        {
            json.WriteStartObject();
            json.WriteNumber("input_tokens", tokens);
            json.WriteEndObject();
        });
    }

    private static ChatRequest Read(JsonInput body, ServedModel served)
    {
        RefusedFields.OfAnyText.Check(body);
        Refused.Check(body);
        RefuseThread(body["thread"]);
        IReadOnlyList<ToolDefinition> tools = ReadTools(body["tools"]);
        JsonInput format = body["output_config"]["format"] is { HasValue: true } nested ? nested : body["output_format"];
        (bool? thinks, string? effort) = FormatFields.ReadEffort(body["output_config"]["effort"]);
        IReadOnlyList<ChatMessage> messages = MessageInput.Read(body);
        return new ChatRequest
        {
            Messages = messages,
            Conversation = ConversationFields.Read(body["metadata"]["user_id"]),
            ContinuesLast = messages[^1].Role == ChatRole.Assistant,
            Tools = tools,
            ToolChoice = ReadChoice(body["tool_choice"], tools),
            ParallelToolCalls = !(body["tool_choice"]["disable_parallel_tool_use"].AsOptionalBoolean() ?? false),
            Format = FormatFields.ReadFormat(format, field => field["schema"]),
            Thinks = ReadThinking(body["thinking"]) ?? thinks,
            ReasoningEffort = effort,
            Sampling = SamplingFields.Read(body, served),
            Stop = SamplingFields.ReadStops(body["stop_sequences"], served),
        };
    }

    // A thread's next request holds only what is new. By this code clients know that they have to send the whole conversation.
    private static void RefuseThread(JsonInput field)
    {
        if (field.HasValue)
            throw field.Fail("is not supported: nothing is kept between requests; send the whole conversation as messages", "thread_unsupported_request");
    }

    private static bool? ReadThinking(JsonInput field) => !field.HasValue ? null : field["type"].AsText("enabled, adaptive or disabled") switch
    {
        "enabled" => true,
        "disabled" => false,
        "adaptive" => null,
        string other => throw field["type"].Fail($"'{other}' is not supported; expected enabled, adaptive or disabled"),
    };

    private static IReadOnlyList<ToolDefinition> ReadTools(JsonInput field) => ToolFields.Distinct(field, field.Items("a list of tools").Select(tool =>
        tool.ExpectObject("a tool")["type"].AsOptionalText() is string type and not "custom"
            ? throw tool["type"].Fail($"'{type}' is not supported: it runs on Anthropic's machines; give the model a tool of your own", "unsupported_parameter")
            : ToolFields.ReadFunction(tool, "input_schema")));

    private static ToolChoice ReadChoice(JsonInput field, IReadOnlyList<ToolDefinition> tools)
    {
        if (!field.HasValue)
            return ToolChoice.Auto;
        return field["type"].AsText("auto, any, tool or none") switch
        {
            "auto" => ToolChoice.Auto,
            "none" => ToolChoice.None,
            "any" => tools.Count > 0 ? ToolChoice.Required : throw field["type"].Fail("is any, but there are no tools"),
            "tool" => ToolFields.Named(field["name"], tools),
            string other => throw field["type"].Fail($"'{other}' is no choice; expected auto, any, tool or none"),
        };
    }
}
