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

    /// <summary>The rule keeps enough rows to answer; the rings turn.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Each_turn_reads_only_its_question(bool dense)
    {
        AttentionPolicy policy = dense ? new DensePolicy() : new PlanPolicy(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(256, 0)));
        await using ModelService service = new(_model, new ServiceOptions { Policy = policy, CacheType = ElementType.F32, CacheBytes = 64 << 20 });
        using ChatSession session = new(_model, policy, new GenerationOptions { MaxNewTokens = 60 }, ElementType.F32);
        List<ChatMessage> messages = [new("user", DemoModel.Question)];
        foreach (string line in (string[])["calm-river", .. Further])
        {
            if (messages.Count > 1)
                messages.Add(new("user", $"What is the <REGISTER_CONTENT> in line {line}?"));
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
        List<ChatMessage> messages = [new("user", DemoModel.Question)];
        for (int turn = 0; turn < 6; turn++)
        {
            ChatRequest request = new() { Messages = [.. messages], MaxNewTokens = 30, Sampling = new SamplingOptions { Temperature = 3, Seed = (ulong)turn } };
            ChatOutcome outcome = await service.Chat(request).Outcome;
            if (turn > 0)
                Assert.InRange(outcome.Usage.PromptTokens - outcome.Usage.CachedTokens, 1, 20);
            messages.Add(outcome.Message);
            messages.Add(new("user", "Go on."));
        }
    }

    /// <summary>Two conversations in turn, and an answer asked for again: under windows, too, each finds its own.</summary>
    [Fact]
    public async Task Conversations_side_by_side_and_answers_asked_for_again_find_their_own()
    {
        AttentionPolicy policy = new PlanPolicy(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(128, 0)));
        await using ModelService service = new(_model, new ServiceOptions { Policy = policy, CacheBytes = 64 << 20 });
        List<ChatMessage>[] talks = [.. Enumerable.Range(0, 3).Select(i => new List<ChatMessage> { new("user", $"{i} {DemoModel.Question}") })];
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
                talk.AddRange([again.Message, new ChatMessage("user", "What is the <REGISTER_CONTENT> in line quiet-field?")]);
            }
        }
    }
}
