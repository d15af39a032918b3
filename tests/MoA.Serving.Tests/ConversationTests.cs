using System.Diagnostics;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;

namespace MoA.Serving.Tests;

/// <summary>Conversations whose every request brings all messages again, as HTTP clients do.</summary>
public sealed class ConversationTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly string[] Further = ["brave-stone", "blunt-otter", "quiet-field"];

    private readonly LanguageModel _model = demo.Model;

    /// <summary>Whoever sends very many answers, or very long ones, is answered soon.</summary>
    [Fact]
    public async Task Very_many_messages_are_refused_at_once()
    {
        await using ModelService service = new(_model, new ServiceOptions { CacheBytes = 16 << 20 });
        ChatMessage[] many = [.. Enumerable.Range(0, 60_000).Select(i => new ChatMessage(i % 2 == 0 ? ChatRole.User : ChatRole.Assistant, "a"))];
        ChatMessage[] wide = [.. Enumerable.Range(0, 400).Select(i => new ChatMessage(i % 2 == 0 ? ChatRole.User : ChatRole.Assistant, new string('a', 20_000)))];
        Stopwatch watch = Stopwatch.StartNew();
        foreach (ChatMessage[] messages in (ChatMessage[][])[many, wide])
            Assert.Equal(RefusalReason.ContextTooLong, Assert.Throws<RequestRefusedException>(() => service.Chat(new ChatRequest { Messages = messages })).Reason);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
    }

    /// <summary>The rule keeps enough rows to answer; the rings turn.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_turn_reads_only_its_question(bool dense)
    {
        AttentionPolicy policy = dense ? new DensePolicy() : new PlanPolicy(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(256, 0)));
        await using ModelService service = new(_model, new ServiceOptions { Policy = policy, CacheType = ElementType.F32, CacheBytes = 64 << 20 });
        using ChatSession session = new(_model, policy, new GenerationOptions { MaxNewTokens = 60 }, ElementType.F32);
        List<ChatMessage> messages = [new(ChatRole.User, DemoModel.Question)];
        foreach (string line in (string[])["calm-river", .. Further])
        {
            if (messages.Count > 1)
                messages.Add(new(ChatRole.User, $"What is the <REGISTER_CONTENT> in line {line}?"));
            ChatOutcome outcome = await service.Chat(new ChatRequest { Messages = [.. messages], MaxNewTokens = 60 }).Outcome;
            GenerationResult expected = session.Ask(messages[^1].Content);
            Assert.Equal(expected.Text, outcome.Message.Content);
            Assert.InRange(outcome.Usage.PromptTokens - outcome.Usage.CachedTokens, 1, messages.Count > 1 ? 40 : 400);
            Assert.Null(outcome.Usage.ReadAgain);
            messages.Add(outcome.Message);
        }
    }

    /// <summary>An answer that was cut off in the middle of a word is not read again either, though its text could be cut into tokens otherwise.</summary>
    [Fact]
    public async Task An_answer_of_unlikely_tokens_is_found_again()
    {
        await using ModelService service = new(_model, new ServiceOptions { CacheBytes = 64 << 20 });
        List<ChatMessage> messages = [new(ChatRole.User, DemoModel.Question)];
        for (int turn = 0; turn < 6; turn++)
        {
            ChatRequest request = new() { Messages = [.. messages], MaxNewTokens = 30, Sampling = new SamplingOptions { Temperature = 3, Seed = (ulong)turn } };
            ChatOutcome outcome = await service.Chat(request).Outcome;
            if (turn > 0)
                Assert.InRange(outcome.Usage.PromptTokens - outcome.Usage.CachedTokens, 1, 20);
            messages.Add(outcome.Message);
            messages.Add(new(ChatRole.User, "Go on."));
        }
    }

    /// <summary>An answer that was cut off and goes on is the one that was not cut off; what was written is not read again, then and in the next turn.</summary>
    [Fact]
    public async Task An_answer_goes_on()
    {
        await using ModelService service = new(_model, new ServiceOptions { CacheType = ElementType.F32, CacheBytes = 64 << 20 });
        SamplingOptions sampling = SamplingOptions.Greedy with { LogitBias = new Dictionary<int, double> { [65] = 4 } };
        ChatMessage question = new(ChatRole.User, DemoModel.Question);
        ChatRequest request = new() { Messages = [question], Sampling = sampling, MaxNewTokens = 30 };
        ChatOutcome whole = await service.Chat(request with { KeepsPrefix = false }).Outcome;
        string text = "";
        for (int turn = 0; turn < 3; turn++)
        {
            ChatRequest next = turn == 0 ? request : request with { Messages = [question, new(ChatRole.Assistant, text)], ContinuesLast = true };
            ChatOutcome part = await service.Chat(next with { MaxNewTokens = 10 }).Outcome;
            Assert.InRange(part.Usage.PromptTokens - part.Usage.CachedTokens, 1, turn == 0 ? 500 : 1);
            text += part.Message.Content;
        }

        Assert.Equal(whole.Message.Content, text);
        ChatOutcome after = await service.Chat(request with { Messages = [question, new(ChatRole.Assistant, text), new(ChatRole.User, "Go on.")], MaxNewTokens = 1 }).Outcome;
        Assert.InRange(after.Usage.PromptTokens - after.Usage.CachedTokens, 1, 20);
    }

    [Fact]
    public async Task What_goes_on_keeps_to_the_schema()
    {
        await using ModelService service = new(_model, new ServiceOptions { CacheBytes = 64 << 20 });
        const string Schema = """{"type":"object","properties":{"city":{"enum":["Paris","Prague"]},"days":{"type":"integer","minimum":10,"maximum":19}},"required":["city","days"],"additionalProperties":false}""";
        foreach (string begun in (string[])["{", "{\"city\": \"Pr", "\n{\"city\": \"Prague\", \"days\":", "{\"city\":\"Paris\",\"days\":1"])
        {
            ChatOutcome outcome = await service.Chat(new ChatRequest
            {
                Messages = [new(ChatRole.User, "Where, and how long?"), new(ChatRole.Assistant, begun)],
                ContinuesLast = true,
                Format = AnswerFormat.JsonSchema(Schema),
                MaxNewTokens = 400,
                Sampling = new SamplingOptions { Temperature = 1, Seed = 3 },
            }).Outcome;
            using JsonDocument json = JsonDocument.Parse(begun + outcome.Message.Content);
            Assert.StartsWith("P", json.RootElement.GetProperty("city").GetString(), StringComparison.Ordinal);
            Assert.InRange(json.RootElement.GetProperty("days").GetInt32(), 10, 19);
        }
    }

    [Fact]
    public async Task Only_a_text_of_the_assistant_goes_on()
    {
        await using ModelService service = new(_model, new ServiceOptions { CacheBytes = 64 << 20 });
        ChatMessage question = new(ChatRole.User, "a");
        Assert.Equal(
            service.Encode(new ChatRequest { Messages = [question] }), service.Encode(new ChatRequest { Messages = [question, new(ChatRole.Assistant, " ")], ContinuesLast = true }));
        foreach (ChatMessage last in (ChatMessage[])[question, new(ChatRole.Assistant, "b") { ToolCalls = [new("1", "f", "{}")] }, new(ChatRole.Assistant, "") { Reasoning = "Hm" }])
            Assert.Throws<InvalidInputException>(() => service.Chat(new ChatRequest { Messages = [question, last], ContinuesLast = true }));
    }

    /// <summary>Two conversations in turn, and an answer asked for again: under windows, too, each finds its own.</summary>
    [Fact]
    public async Task Conversations_side_by_side_and_answers_asked_for_again_find_their_own()
    {
        AttentionPolicy policy = new PlanPolicy(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(128, 0)));
        await using ModelService service = new(_model, new ServiceOptions { Policy = policy, CacheBytes = 64 << 20 });
        List<ChatMessage>[] talks = [.. Enumerable.Range(0, 3).Select(i => new List<ChatMessage> { new(ChatRole.User, $"{i} {DemoModel.Question}") })];
        for (int turn = 0; turn < 3; turn++)
        {
            foreach (List<ChatMessage> talk in talks)
            {
                ChatOutcome first = await service.Chat(new ChatRequest { Messages = [.. talk], MaxNewTokens = 40 }).Outcome;
                ChatOutcome again = await service.Chat(new ChatRequest { Messages = [.. talk], MaxNewTokens = 40 }).Outcome;
                Assert.Equal(first.Message.Content, again.Message.Content);
                Assert.InRange(again.Usage.PromptTokens - again.Usage.CachedTokens, 1, 12);
                if (turn > 0)
                    Assert.InRange(first.Usage.PromptTokens - first.Usage.CachedTokens, 1, 40);
                talk.AddRange([again.Message, new ChatMessage(ChatRole.User, "What is the <REGISTER_CONTENT> in line quiet-field?")]);
            }
        }
    }
}
