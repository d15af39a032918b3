namespace MoA.Server.Routing;

/// <summary>What a route does, for the OpenAPI document.</summary>
/// <param name="Summary">In a few words.</param>
/// <param name="Fields">The fields of its body, one a line: name (with <c>!</c> where it must be there), JSON types divided by <c>|</c>, meaning.</param>
internal sealed record RouteDescription(string Summary, string Fields = "")
{
    private const string Sampling = """
        temperature number Divides the logits; 0 takes the likeliest token (default: as generation_config.json says, else 1)
        top_p number Draws from the likeliest tokens that hold this share of the probability
        top_k integer Draws from so many of the likeliest tokens; 0 or -1: all
        min_p number Drops tokens less likely than this share of the likeliest
        seed integer The same seed draws the same tokens
        frequency_penalty number Taken from a token's logit for each time that it was written
        presence_penalty number Taken from the logit of every token that was written
        repetition_penalty number Divides the logits of tokens of prompt and output; 1: off
        logit_bias object Added to the logits of tokens, by token id, -100 to 100

        """;

    private const string Answers = """
        n integer How many texts to write, each drawn by a seed of its own
        stop string|array Texts that end the output
        stream boolean Sends the text as server-sent events
        stream_options object include_usage: a last event with the usage

        """;

    public static RouteDescription ChatCompletions { get; } = new("Answers a conversation (OpenAI)", """
        model string The model's name
        messages! array The conversation: role, content (a text, or parts of type text), tool_calls, tool_call_id, reasoning_content
        continue_final_message boolean Goes on from the last message (default: if it is the assistant's); add_generation_prompt says the opposite
        max_completion_tokens integer Most tokens to write; max_tokens is the same
        tools array Functions that the model may ask for
        tool_choice string|object auto, none, required, or a function
        parallel_tool_calls boolean Whether it may ask for several in one answer
        response_format object text, json_object, or json_schema with a schema that the answer then satisfies
        reasoning_effort string none, minimal, low, medium, high or xhigh, for models that know it
        logprobs boolean Tells how likely the tokens were
        top_logprobs integer With so many of the likeliest, up to 20

        """ + Answers + Sampling);

    public static RouteDescription Completions { get; } = new("Goes on from prompts (OpenAI)", """
        model string The model's name
        prompt! string|array A text, a list of texts, tokens, or a list of lists of tokens
        max_tokens integer Most tokens to write (default: 16; 0 reads the prompt only)
        echo boolean Begins the output with the prompt, whose tokens logprobs then tells of too
        logprobs integer Tells how likely the tokens were, with so many of the likeliest, up to 20

        """ + Answers + Sampling);

    public static RouteDescription Responses { get; } = new("Answers a conversation (OpenAI's newer route; nothing is kept between requests)", """
        model string The model's name
        input string|array A text, or items: message, reasoning, function_call, function_call_output
        instructions string The system's message
        max_output_tokens integer Most tokens to write
        tools array Functions that the model may ask for; tools of other types are passed over
        tool_choice string|object auto, none, required, or a function
        parallel_tool_calls boolean Whether it may ask for several in one answer
        text object format: text, json_object, or json_schema
        reasoning object effort: none, minimal, low, medium, high or xhigh
        include array message.output_text.logprobs tells how likely the tokens were
        top_logprobs integer With so many of the likeliest, up to 20
        stream boolean Sends the answer as server-sent events

        """ + Sampling);

    private const string Message = """
        model string The model's name
        messages! array The conversation: role, content (a text, or blocks of type text, tool_use, tool_result, thinking)
        system string|array The system's message
        tools array Tools that the model may ask for
        tool_choice object auto, any, tool with a name, or none
        thinking object enabled, adaptive or disabled, for models that know it
        output_config object format: json_schema with a schema; effort

        """;

    public static RouteDescription Messages { get; } = new("Answers a conversation (Anthropic)", Message + """
        max_tokens! integer Most tokens to write
        stop_sequences array Texts that end the answer
        stream boolean Sends the answer as server-sent events

        """ + Sampling);

    public static RouteDescription CountTokens { get; } = new("Counts the tokens of a conversation (Anthropic)", Message);

    public static RouteDescription Tokenize { get; } = new("The tokens of a text or a conversation", """
        content string The text, without special tokens at its ends
        prompt string The text, with special tokens at its ends
        messages array A conversation, in place of a text
        add_special boolean Whether special tokens are added; add_special_tokens is the same
        parse_special boolean Whether special tokens in the text are taken for such (default: true)
        with_pieces boolean Each token with its text
        """);

    public static RouteDescription Detokenize { get; } = new("The text of tokens", "tokens! array The tokens");

    public static RouteDescription ApplyTemplate { get; } = new("The text of a conversation as the model reads it", """
        messages! array The conversation
        tools array Functions that the model may ask for
        """);

    public static RouteDescription Models { get; } = new("The model's names and limits");

    public static RouteDescription Model { get; } = new("The model's limits");

    public static RouteDescription Health { get; } = new("Whether the server runs");

    public static RouteDescription Ready { get; } = new("Whether it takes requests");

    public static RouteDescription Metrics { get; } = new("Numbers for Prometheus");

    public static RouteDescription State { get; } = new("Requests, memory of caches, and counts");

    public static RouteDescription Rows { get; } = new("Rows that each head keeps of so many tokens (query: tokens, capacity)");
}
