using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Conversations;
using MoA.Cluster.Hosting;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tests.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving;
using MoA.Serving.Chat;
using MoA.Tests;

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
                Assert.True(
                    turn == 0 || outcome.Usage.CachedTokens > 0,
                    $"conversation {number}, turn {turn}: {outcome.Usage}\n{string.Join('\n', cluster.Members.Select(member => $"{member.Name} {member.Held} {member.Service.State}\n{member.Notes}"))}");
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

    /// <summary>A member that leaves lets its answers end; its conversations go on elsewhere, and new ones do not come to it.</summary>
    [Fact]
    public async Task A_member_that_leaves_fails_no_request()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(3);
        await using ModelService alone = new(demo.Model, TestCluster.Options);
        Task leaving = Task.CompletedTask;
        await Task.WhenAll(Enumerable.Range(0, 9).Select(async number =>
        {
            List<ChatMessage> messages = [];
            for (int turn = 0; turn < Lines.Length; turn++)
            {
                messages.Add(Question(number, turn));
                ChatRequest request = Request(messages, number, turn);
                await using ChatReply reply = cluster.Members[(number + turn) % 2].Front.Chat(request);
                await reply.Started;
                if (turn == 1 && number == 0)
                    leaving = cluster.Members[2].LeaveAsync(TimeSpan.FromSeconds(20));
                ChatOutcome outcome = await reply.Outcome;
                Assert.Equal((await alone.Chat(request).Outcome).Message.Content, outcome.Message.Content);
                messages.Add(outcome.Message);
            }
        }));
        await leaving.WaitAsync(TimeSpan.FromSeconds(10));
        // Requests on their way to it may be asked again elsewhere; nothing that was being written is.
        Assert.DoesNotMatch("another member goes on after [1-9]", cluster.Members[0].Notes + cluster.Members[1].Notes);
    }

    [Fact]
    public async Task Requests_end_as_they_do_on_one_machine()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(2, _ => TestCluster.Options with { CacheBytes = 20 << 20, QueueLength = 8 });
        ClusterService front = cluster.Members[0].Front;
        ChatRequest request = Request([Question(0, 0)], 0, 0);

        // What is refused keeps its reason and what is wrong its words.
        RequestRefusedException refused = await Assert.ThrowsAsync<RequestRefusedException>(() => front.Chat(request with { MaxNewTokens = 1 << 20 }).Outcome);
        Assert.Equal(RefusalReason.ContextTooLong, refused.Reason);
        Assert.Contains("ask for at most", refused.Message);
        InvalidInputException invalid = await Assert.ThrowsAsync<InvalidInputException>(
            () => front.Chat(request with { Format = AnswerFormat.JsonSchema("""{"not":{}}""") }).Started);
        Assert.Contains("'not' is not supported", invalid.Message);

        // Two at once for one conversation: both answered, by one member.
        ChatReply[] replies = [.. Enumerable.Range(0, 4).Select(i => cluster.Members[i % 2].Front.Chat(request with { Sampling = new SamplingOptions { Seed = (ulong)i } }))];
        ChatOutcome[] outcomes = await Task.WhenAll(replies.Select(reply => reply.Outcome));
        Assert.Single(outcomes.Select(outcome => outcome.Message.Content).Distinct());
        Assert.Equal(1, cluster.Members.Count(member => member.Service.State.Ended >= 4));
        Assert.Equal(4, cluster.Members.Sum(member => member.Service.State.Ended));

        // Who stops reading frees the caches, wherever they are.
        ChatReply endless = front.Chat(request with { MaxNewTokens = 1500, Sampling = new SamplingOptions { Temperature = 3, Seed = 1 } });
        await endless.Started;
        endless.Cancel();
        ChatOutcome cancelled = await endless.Outcome.WaitAsync(TimeSpan.FromSeconds(5));
        Assert.Equal(ChatFinish.Cancelled, cancelled.Finish);
        await front.Chat(request with { MaxNewTokens = 1500, Sampling = new SamplingOptions { Temperature = 3, Seed = 2 } }).DisposeAsync();
        while (cluster.Members.Any(member => member.Service.State.Running > 0))
            await Task.Delay(20);

        // Texts go on, with the likelihoods of their prompts.
        GenerationRequest text = new() { Prompt = [.. Enumerable.Range(5, 100)], MaxNewTokens = 20, LogProbabilities = 2, PromptLogProbabilities = 1 };
        await using ModelService alone = new(demo.Model, TestCluster.Options);
        await using TextReply here = front.Generate(text), there = alone.Generate(text);
        (GenerationOutcome actual, GenerationOutcome expected) = (await here.Outcome, await there.Outcome);
        Assert.Equal((expected.Text, expected.Finish), (actual.Text, actual.Finish));
        Assert.Equal(expected.Tokens, actual.Tokens);
        Assert.Equal(there.PromptLogProbabilities.Select(token => token.LogProbability), here.PromptLogProbabilities.Select(token => token.LogProbability));

        await front.StopAsync();
        Assert.Equal(RefusalReason.Stopping, Assert.Throws<RequestRefusedException>(() => front.Chat(request)).Reason);
    }

    /// <summary>While the storage is away answers go on and new conversations begin; one whose tokens lie there alone has to wait. Nothing is lost.</summary>
    [Fact]
    public async Task Storage_that_is_away_for_a_while_loses_nothing()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(2);
        await using ModelService alone = new(demo.Model, TestCluster.Options);
        List<ChatMessage> messages = [];
        for (int turn = 0; turn < 3; turn++)
        {
            cluster.Storage.IsDown = turn < 2;
            if (turn == 2)
                await Task.Delay(1000); // what could not be stored is tried again
            messages.Add(Question(1, turn));
            ChatRequest request = Request(messages, 1, turn);
            ChatOutcome outcome = await cluster.Members[turn % 2].Front.Chat(request).Outcome.WaitAsync(TimeSpan.FromSeconds(20));
            Assert.Equal((await alone.Chat(request).Outcome).Message.Content, outcome.Message.Content);
            messages.Add(outcome.Message);
        }

        TestCluster.Member holder = cluster.Members.Single(member => member.Held > 0), other = cluster.Members.Single(member => member != holder);
        await holder.LeaveAsync(TimeSpan.FromSeconds(5));
        cluster.Storage.IsDown = true;
        messages.Add(Question(1, 3));
        RequestRefusedException refused = await Assert.ThrowsAsync<RequestRefusedException>(() => other.Front.Chat(Request(messages, 1, 3)).Outcome);
        Assert.Equal(RefusalReason.Unavailable, refused.Reason);
        Assert.Contains("the storage is down", refused.Message);
        cluster.Storage.IsDown = false;
        ChatOutcome last = await other.Front.Chat(Request(messages, 1, 3)).Outcome;
        Assert.Equal((await alone.Chat(Request(messages, 1, 3)).Outcome).Message.Content, last.Message.Content);
        Assert.Equal($"{holder.Name} held the conversation before", last.Usage.ReadAgain);
    }

    /// <summary>A member without a model opens the one that a server offers, and then holds conversations; another model is left alone.</summary>
    [Fact]
    public async Task A_worker_opens_what_a_server_offers()
    {
        await using TestCluster cluster = await TestCluster.StartAsync(1);
        TestCluster.Member server = cluster.Members[0];
        OfferedModel offered = new() { Model = RepositoryFiles.DemoModel, Fingerprint = server.Front.Fingerprint, CacheType = "F32", DefaultNewTokens = 2048, MaxSequences = 32, QueueLength = 256 };
        MemberHost worker = await cluster.AddWorkerAsync("worker", model => model.Open(new ModelLoadOptions { Threads = 1 }, 64 << 20, _ => { }));
        MemberHost other = await cluster.AddWorkerAsync("other", model => (model with { DefaultNewTokens = 7 }).Open(new ModelLoadOptions { Threads = 1 }, 64 << 20, _ => { }));
        using CancellationTokenSource end = new();
        Task offering = server.Host.Services.GetRequiredService<MembersSeen>().OfferAsync(offered, end.Token);
        while (worker.State.Report().Conversations.CacheLimit == 0 || other.State.Report().Conversations.Refused.Count == 0)
            await Task.Delay(50, end.Token);
        await Task.Delay(1500, end.Token); // its next report
        await Task.WhenAll(Enumerable.Range(0, 6).Select(number => server.Front.Chat(Request([Question(number, 0)], number, 0)).Outcome));
        Assert.InRange(worker.State.Report().Conversations.Held, 1, 5);
        Assert.Equal(0, other.State.Report().Conversations.Held);
        await end.CancelAsync();
        await offering;
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
