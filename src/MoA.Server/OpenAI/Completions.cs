using MoA.Engine.Generation;
using MoA.Server.Http;
using MoA.Serving;

namespace MoA.Server.OpenAI;

/// <summary><c>POST /v1/completions</c>.</summary>
internal static class Completions
{
    private const int MaxChoices = 128, MaxTexts = 1024;

    // As OpenAI has it, and everyone after.
    private const int DefaultNewTokens = 16;

    private static readonly RefusedFields Refused = new(
        ("suffix", "the model goes on at the end of the prompt only"),
        ("response_format", "use /v1/chat/completions"),
        ("tools", "use /v1/chat/completions"));

    /// <summary>Answers with texts that go on from prompts.</summary>
    public static async Task AnswerAsync(Exchange exchange)
    {
        (JsonInput body, ServedModel served) = (exchange.Body, exchange.Served);
        RefusedFields.OfAnyText.Check(body);
        Refused.Check(body);
        IReadOnlyList<CompletionPrompt> prompts = CompletionPrompt.Read(body["prompt"], served);
        int choices = body["n"].AsOptionalInt32(1, MaxChoices) ?? 1;
        if ((long)choices * prompts.Count > MaxTexts)
            throw body["n"].Fail($"{choices} answers to {prompts.Count} prompts are asked for; expected at most {MaxTexts} texts");
        bool echoes = body["echo"].AsOptionalBoolean() ?? false;
        int? logProbabilities = ReadLogProbabilities(body["logprobs"]);
        GenerationRequest request = new()
        {
            Prompt = [],
            MaxNewTokens = body["max_tokens"].AsOptionalInt32(0) ?? DefaultNewTokens,
            Sampling = SamplingFields.Read(body, served),
            Stop = SamplingFields.ReadStops(body["stop"], served),
            LogProbabilities = logProbabilities,
            PromptLogProbabilities = echoes ? logProbabilities : null,
            ContinuesPrompt = true,
        };
        bool streams = exchange.Streams;
        bool includesUsage = body["stream_options"]["include_usage"].AsOptionalBoolean() ?? false;
        await using ReplySet<TextReply> replies = new();
        foreach (CompletionPrompt prompt in prompts)
        {
            for (int choice = 0; choice < choices; choice++)
            {
                replies.Add(served.Service.Generate(
                    request with { Prompt = prompt.Tokens, Sampling = SamplingFields.OfChoice(request.Sampling, choice) }));
            }
        }

        CompletionPrompt[] asked = [.. replies.All.Select((_, i) => prompts[i / choices])];
        CompletionWriter writer = new(exchange, asked, choices, echoes, logProbabilities is not null);
        if (streams)
            await writer.StreamAsync(replies.All, includesUsage);
        else
            await writer.RespondAsync(replies.All);
    }

    // OpenAI has a number here; true, as chat has it, is what some clients send.
    private static int? ReadLogProbabilities(JsonInput field) => field.IsTrue ? 0 : field.IsFalse ? null : field.AsOptionalInt32(0, 20);
}
