using MoA.Cluster.Conversations;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Cluster.Tests.Conversations;

/// <summary>What travels arrives as it was sent.</summary>
public sealed class ConversationJsonTests
{
    private static readonly SamplingOptions Sampling = new()
    {
        Temperature = 0.1 + 0.2,
        TopK = 3,
        TopP = 0.25,
        MinP = 0.125,
        RepetitionPenalty = 1.5,
        FrequencyPenalty = -0.5,
        PresencePenalty = 0.75,
        PenaltyLastN = 0,
        NoRepeatNgramSize = 2,
        LogitBias = new Dictionary<int, double> { [7] = -100, [65] = 1.5 },
        Seed = ulong.MaxValue,
    };

    [Fact]
    public void A_conversation_with_everything_in_it()
    {
        ChatRequest sent = new()
        {
            Messages =
            [
                new(ChatRole.System, "a\u0000\"<é😀"),
                new(new ChatRole("developer"), ""),
                new(ChatRole.Assistant, "x") { ToolCalls = [new("id", "name", "{\"a\":1}")], Reasoning = "" },
                new(ChatRole.Tool, "y") { ToolCallId = "id", Name = "name" },
            ],
            Conversation = "mine",
            Answers = [new(UInt128.MaxValue, [1, 2, 3])],
            Written = [9, 8],
            ContinuesLast = true,
            Tools = [new("name", null, "{}"), new("other", "what", null)],
            ToolChoice = new ToolChoice(ToolChoiceKind.Required, "name"),
            ParallelToolCalls = false,
            Format = AnswerFormat.JsonSchema("{\"type\":\"object\"}"),
            Thinks = false,
            ReasoningEffort = "low",
            MaxNewTokens = 0,
            ShortensToFit = true,
            Sampling = Sampling,
            Stop = ["\n", "b"],
            LogProbabilities = 0,
            KeepsPrefix = false,
        };
        ChatRequest came = RoundTrip(sent);
        Equivalent(sent, came);
        Assert.Equal("developer", came.Messages[1].Role.Name);
        Assert.Equal("{\"type\":\"object\"}", came.Format.Schema);
        Assert.Equal(Sampling.LogitBias, came.Sampling.LogitBias!);
        Assert.Equal(Sampling with { LogitBias = null }, came.Sampling with { LogitBias = null });
        ChatRequest plain = RoundTrip(new ChatRequest { Messages = [new(ChatRole.User, "z")] });
        Equivalent(new ChatRequest { Messages = [new(ChatRole.User, "z")] }, plain);
        Assert.False(plain.Format.IsJson);
        Assert.True(RoundTrip(plain with { Format = AnswerFormat.JsonObject }).Format is { IsJson: true, Schema: null });
    }

    [Fact]
    public void Texts_pieces_and_outcomes()
    {
        TokenLogProbability[] scores = [new(5, double.NegativeInfinity, [(5, -0.1), (6, -1e-300)]), new(6, -0.3, [])];
        Equivalent(new GenerationRequest
        {
            Prompt = [1, 2],
            Written = [3],
            MaxNewTokens = 4,
            ShortensToFit = true,
            Sampling = Sampling,
            Stop = ["s"],
            LogProbabilities = 1,
            PromptLogProbabilities = 2,
            ContinuesPrompt = true,
            ShowsSpecialTokens = true,
            Landmarks = [1],
            KeepsPrefix = false,
        });
        Equivalent(new GenerationPiece("t", [1], scores));
        Equivalent(new ChatPiece { Text = "t", Reasoning = "r", ToolCalls = [new(0, "id", "name", "{"), new(0, null, null, "}")], LogProbabilities = scores, Tokens = [4, 5] });
        Usage usage = new(1, 2, 3, long.MaxValue, 0.3, TimeSpan.FromTicks(7), TimeSpan.FromSeconds(1.5), TimeSpan.FromHours(1)) { ReasoningTokens = 4, ReadAgain = "why" };
        Equivalent(new GenerationOutcome("t", [1, 2], FinishReason.Length, usage));
        ChatOutcome outcome = new(new ChatMessage(ChatRole.Assistant, "x"), ChatFinish.ToolCalls, usage, "stop") { Answer = new WrittenAnswer(7, [1]) };
        Equivalent(outcome);
        Assert.Equal(usage, RoundTrip(outcome).Usage);
        Assert.Equal(scores[0].Top, RoundTrip<IReadOnlyList<TokenLogProbability>>(scores)[0].Top);
    }

    private static T RoundTrip<T>(T value) => ConversationJson.Read<T>(ConversationJson.Write(value));

    private static void Equivalent<T>(T value) => Equivalent(value, RoundTrip(value));

    // Every property is there, whatever is added later.
    private static void Equivalent<T>(T sent, T came) => Assert.Equivalent(sent, came, strict: true);
}
