using MoA.Cluster.Conversations;
using MoA.Engine.Generation;
using MoA.Engine.Tests.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Cluster.Tests.Conversations;

/// <summary>Conversations on three members answer as those on one machine do, whatever becomes of the members.</summary>
public sealed class ConversationTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly string[] Lines = ["calm-river", "brave-stone", "blunt-otter", "quiet-field"];

    [Fact]
    public async Task Texts_are_those_of_one_machine_whoever_is_asked()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        await using ModelService alone = new(demo.Model, TestCluster.Options);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async number =>
        {
            List<ChatMessage> messages = [];
            for (int turn = 0; turn < Lines.Length; turn++)
            {
                messages.Add(Question(number, turn));
                ChatRequest request = Request(messages, number, turn);
                ChatOutcome outcome = await cluster.Members[(number + turn) % 3].Front.Chat(request).Outcome;
                Assert.Equal((await alone.Chat(request).Outcome).Message.Content, outcome.Message.Content);
                Assert.True(turn == 0 || outcome.Usage.CachedTokens > 0);
                Assert.Null(outcome.Usage.ReadAgain);
                messages.Add(outcome.Message);
            }
        }));
        Assert.All(cluster.Members, member => Assert.InRange(member.Held, 1, 4));
        Assert.Equal(6, cluster.Storage.Count);
    }

    /// <summary>The next turn is read again elsewhere, in the tokens in which the lost member had written.</summary>
    [Fact]
    public async Task A_member_that_dies_between_turns_loses_nothing()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        await using ModelService alone = new(demo.Model, TestCluster.Options);
        List<ChatMessage>[] conversations = [.. Enumerable.Range(0, 8).Select(_ => new List<ChatMessage>())];
        for (int turn = 0; turn < Lines.Length; turn++)
        {
            if (turn == 2)
                await cluster.Members[1].KillAsync();
            await Task.WhenAll(conversations.Select(async (messages, number) =>
            {
                messages.Add(Question(number, turn));
                ChatRequest request = Request(messages, number, turn);
                ChatOutcome outcome = await cluster.Members[0].Front.Chat(request).Outcome.WaitAsync(TimeSpan.FromSeconds(20));
                Assert.Equal((await alone.Chat(request).Outcome).Message.Content, outcome.Message.Content);
                messages.Add(outcome.Message);
            }));
        }

        Assert.Contains("m1 held the conversation before", cluster.Members[0].Notes + cluster.Members[2].Notes);
    }

    /// <summary>Whoever reads an answer does not notice that the member that began it was lost.</summary>
    [Fact]
    public async Task An_answer_goes_on_elsewhere_when_its_member_dies()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        await using ModelService alone = new(demo.Model, TestCluster.Options);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(async number =>
        {
            ChatRequest request = Request([Question(number, 0)], number, 0) with { MaxNewTokens = 400, Sampling = new SamplingOptions { Temperature = 3, Seed = (ulong)number } };
            await using ChatReply reply = cluster.Members[0].Front.Chat(request);
            string text = "";
            await foreach (ChatPiece piece in reply)
            {
                text += piece.Text;
                if (number == 0 && text.Length > 20 && !cluster.Members[1].IsGone)
                    await cluster.Members[1].KillAsync();
            }

            ChatOutcome outcome = await reply.Outcome, expected = await alone.Chat(request).Outcome;
            Assert.Equal(expected.Message.Content, outcome.Message.Content);
            Assert.Equal(expected.Message.Content, text);
            Assert.Equal(expected.Usage.NewTokens, outcome.Usage.NewTokens);
        }));
        Assert.Contains("another member goes on after", cluster.Members[0].Notes);
    }

    private static ChatMessage Question(int number, int turn) => new(
        ChatRole.User, turn == 0 ? $"Conversation {number}. {DemoModel.Question}" : $"What is the <REGISTER_CONTENT> in line {Lines[turn]}?");

    private static ChatRequest Request(IReadOnlyList<ChatMessage> messages, int number, int turn) => new()
    {
        Messages = [.. messages],
        MaxNewTokens = 30,
        Sampling = new SamplingOptions { Temperature = number % 2 == 0 ? 0 : 2, Seed = (ulong)((number * 100) + turn) },
    };
}
