using MoA.Engine.Tokenization;
using MoA.Server.Http;
using MoA.Serving.Chat;

namespace MoA.Server.OpenAI;

/// <summary><c>POST /v1/chat/completions</c>.</summary>
internal static class ChatCompletions
{
    private const int MaxChoices = 128;

    private static readonly RefusedFields Refused = new(
        ("functions", "use tools"),
        ("function_call", "use tool_choice"),
        ("audio", "the model writes text only"),
        ("modalities", "the model writes text only"),
        ("web_search_options", "give the model a tool for it"),
        ("chat_template", "start the server with --chat-template"),
        ("documents", "put them into a message"));

    /// <summary>Answers a conversation.</summary>
    public static async Task AnswerAsync(Exchange exchange)
    {
        ChatRequest request = Read(exchange.Body, exchange.Served);
        int choices = exchange.Body["n"].AsOptionalInt32(1, MaxChoices) ?? 1;
        bool streams = exchange.Streams;
        bool includesUsage = exchange.Body["stream_options"]["include_usage"].AsOptionalBoolean() ?? false;
        await using ReplySet<ChatReply> replies = new();
        for (int choice = 0; choice < choices; choice++)
            replies.Add(exchange.Served.Service.Chat(request with { Sampling = SamplingFields.OfChoice(request.Sampling, choice) }));
        ChatCompletionWriter writer = new(exchange, choices, request.LogProbabilities is not null);
        if (streams)
            await writer.StreamAsync(replies.All, includesUsage);
        else
            await writer.RespondAsync(replies.All);
    }

    /// <summary>The conversation that a body asks to answer.</summary>
    public static ChatRequest Read(JsonInput body, ServedModel served)
    {
        RefusedFields.OfAnyText.Check(body);
        Refused.Check(body);
        var tools = ToolFields.ReadTools(body["tools"]);
        (bool? thinks, string? effort) = FormatFields.ReadEffort(body["reasoning_effort"]);
        IReadOnlyList<ChatMessage> messages = ChatMessages.Read(body["messages"]);
        return new ChatRequest
        {
            Messages = messages,
            Conversation = ConversationFields.Read(body["prompt_cache_key"], body["user"]),
            ContinuesLast = ReadContinues(body, messages[^1]),
            Tools = tools,
            ToolChoice = ToolFields.ReadChoice(body["tool_choice"], tools, choice => choice["function"]["name"]),
            ParallelToolCalls = body["parallel_tool_calls"].AsOptionalBoolean() ?? true,
            Format = FormatFields.ReadFormat(body["response_format"], format => format["json_schema"]["schema"]),
            Thinks = ReadTemplateSwitches(body["chat_template_kwargs"]) ?? thinks,
            ReasoningEffort = effort,
            MaxNewTokens = (body["max_completion_tokens"] is { HasValue: true } most ? most : body["max_tokens"]).AsOptionalInt32(1),
            Sampling = SamplingFields.Read(body, served),
            Stop = SamplingFields.ReadStops(body["stop"], served),
            LogProbabilities = ReadLogProbabilities(body),
        };
    }

    // As llama.cpp has it where nothing is said, and as vLLM where something is.
    private static bool ReadContinues(JsonInput body, ChatMessage last)
    {
        (JsonInput continuing, JsonInput adding) = (body["continue_final_message"], body["add_generation_prompt"]);
        bool? adds = adding.AsOptionalBoolean();
        bool continues = continuing.AsOptionalBoolean() ?? (last is { Role.Name: "assistant", ToolCalls.Count: 0 } && adds != true);
        if (continues && adds == true)
            throw continuing.Fail("and add_generation_prompt are both true; an answer goes on from a message or begins a new one");
        return continues || adds != false ? continues : throw adding.Fail("is false, but there is no last message of the assistant to go on from", "unsupported_parameter");
    }

    private static int? ReadLogProbabilities(JsonInput body)
    {
        bool asked = body["logprobs"].AsOptionalBoolean() ?? false;
        int? top = body["top_logprobs"].AsOptionalInt32(0, 20);
        if (top > 0 && !asked)
            throw body["top_logprobs"].Fail("belongs to logprobs: true");
        return asked ? top ?? 0 : null;
    }

    // What vLLM and others give the template; of its switches, one is known here.
    private static bool? ReadTemplateSwitches(JsonInput field)
    {
        bool? thinks = null;
        if (!field.HasValue)
            return thinks;
        foreach ((string name, JsonInput value) in field.Members())
        {
            if (name is not ("enable_thinking" or "thinking"))
                throw value.Fail("is not supported; expected enable_thinking", "unsupported_parameter");
            thinks = value.AsOptionalBoolean();
        }

        return thinks;
    }
}
