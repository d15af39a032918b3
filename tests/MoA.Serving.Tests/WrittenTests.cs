using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;

namespace MoA.Serving.Tests;

/// <summary>Answers that begin at one service and end at another.</summary>
public sealed class WrittenTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private const string Schema = """{"type":"object","properties":{"name":{"type":"string","maxLength":12},"age":{"type":"integer"}},"required":["name","age"]}""";

    private readonly LanguageModel _model = demo.Model;

    public static TheoryData<string, SamplingOptions, AnswerFormat> Ways => new()
    {
        { "greedy", SamplingOptions.Greedy, AnswerFormat.Text },
        { "drawn", new SamplingOptions { Temperature = 3, Seed = 7, TopP = 0.95 }, AnswerFormat.Text },
        { "drawn, with penalties", new SamplingOptions { Temperature = 1.5, Seed = 8, FrequencyPenalty = 0.7, RepetitionPenalty = 1.3, PenaltyLastN = 20 }, AnswerFormat.Text },
        { "JSON", new SamplingOptions { Temperature = 2, Seed = 9, PresencePenalty = 0.4 }, AnswerFormat.JsonSchema(Schema) },
    };

    /// <summary>Wherever it is cut, what was shown before and what is shown after are the whole answer, and the outcome is that of the whole.</summary>
    [Theory]
    [MemberData(nameof(Ways))]
    public async Task An_answer_goes_on_as_if_it_had_been_written_here(string way, SamplingOptions sampling, AnswerFormat format)
    {
        Assert.NotEmpty(way);
        await using ModelService first = NewService(), second = NewService();
        ChatRequest request = new()
        {
            Messages = [new(ChatRole.User, DemoModel.Question)],
            Sampling = sampling,
            Format = format,
            MaxNewTokens = 40,
            LogProbabilities = way == "drawn" ? 1 : null,
        };
        (List<ChatPiece> pieces, ChatOutcome whole) = await ReadAsync(first.Chat(request));
        Assert.Equal(whole.Message.Content, string.Concat(pieces.Select(piece => piece.Text)));
        foreach (int cut in (int[])[1, pieces.Count / 2, pieces.Count - 1, pieces.Count])
        {
            ChatPiece[] before = [.. pieces.Take(cut)];
            int[] written = [.. before.SelectMany(piece => piece.Tokens)];
            bool hasRest = before[^1].Tokens.Count == 0;
            (List<ChatPiece> after, ChatOutcome outcome) = await ReadAsync(second.Chat(request with { Written = written }));
            ChatPiece[] all = [.. before, .. after.Where(piece => !hasRest || piece.Tokens.Count > 0)];
            Assert.Equal(pieces.Select(piece => piece.Text), all.Select(piece => piece.Text));
            Assert.Equal(pieces.SelectMany(piece => piece.Tokens), all.SelectMany(piece => piece.Tokens));
            Assert.Equal(pieces.SelectMany(piece => piece.LogProbabilities).Select(token => token.LogProbability),
                all.SelectMany(piece => piece.LogProbabilities).Select(token => token.LogProbability));
            Assert.Equal(whole.Message.Content, outcome.Message.Content);
            Assert.Equal((whole.Finish, whole.Usage.NewTokens, whole.Answer!.Key), (outcome.Finish, outcome.Usage.NewTokens, outcome.Answer!.Key));
            Assert.Equal(whole.Answer.Tokens, outcome.Answer.Tokens);
        }
    }

    [Fact]
    public async Task A_text_goes_on_as_if_it_had_been_written_here()
    {
        await using ModelService first = NewService(), second = NewService();
        GenerationRequest request = new() { Prompt = _model.RequireTokenizer().Encode(DemoModel.Question, addSpecialTokens: true, parseSpecialTokens: false), MaxNewTokens = 30, Sampling = new SamplingOptions { Temperature = 3, Seed = 3 } };
        GenerationOutcome whole = await first.Generate(request).Outcome;
        foreach (int cut in (int[])[1, 17, whole.Tokens.Count])
        {
            await using TextReply reply = second.Generate(request with { Written = [.. whole.Tokens.Take(cut)] });
            List<int> tokens = [.. whole.Tokens.Take(cut)];
            await foreach (GenerationPiece piece in reply)
                tokens.AddRange(piece.Tokens);
            GenerationOutcome outcome = await reply.Outcome;
            Assert.Equal(whole.Tokens, tokens);
            Assert.Equal((whole.Text, whole.Finish), (outcome.Text, outcome.Finish));
        }

        Assert.Contains("vocabulary", Assert.Throws<InvalidInputException>(() => second.Generate(request with { Written = [-1] })).Message);
    }

    /// <summary>A service that is given the tokens of answers reads a conversation as the one that wrote them; one that is not reads the texts' own.</summary>
    [Fact]
    public async Task Answers_are_read_in_the_tokens_in_which_another_service_wrote_them()
    {
        await using ModelService first = NewService(), second = NewService(), third = NewService();
        List<ChatMessage> messages = [new(ChatRole.User, DemoModel.Question)];
        List<WrittenAnswer> answers = [];
        for (int turn = 0; turn < 4; turn++)
        {
            ChatOutcome outcome = await first.Chat(new ChatRequest
            {
                Messages = [.. messages],
                MaxNewTokens = 30,
                Sampling = new SamplingOptions { Temperature = 3, Seed = (ulong)turn },
            }).Outcome;
            messages.AddRange([outcome.Message, new(ChatRole.User, "Go on.")]);
            answers.Add(outcome.Answer!);
        }

        ChatRequest next = new() { Messages = messages };
        Assert.Equal(first.Encode(next), second.Encode(next with { Answers = answers }));
        Assert.NotEqual(first.Encode(next), third.Encode(next)); // or the test shows nothing
    }

    private ModelService NewService() => new(_model, new ServiceOptions { CacheType = ElementType.F32, CacheBytes = 64 << 20 });

    private static async Task<(List<ChatPiece> Pieces, ChatOutcome Outcome)> ReadAsync(ChatReply reply)
    {
        List<ChatPiece> pieces = [];
        await foreach (ChatPiece piece in reply)
            pieces.Add(piece);
        return (pieces, await reply.Outcome);
    }
}
