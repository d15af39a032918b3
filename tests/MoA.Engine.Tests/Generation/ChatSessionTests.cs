using System.Text.Json.Nodes;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Generation;

/// <summary>Conversations with the demo model, against sessions that read the same conversation from the start.</summary>
public sealed class ChatSessionTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private static readonly GenerationOptions Options = new() { MaxNewTokens = 60 };

    private static readonly (string Line, string Number)[] Further =
        [("brave-stone", "31982"), ("blunt-otter", "40893"), ("quiet-field", "48120"), ("brave-stone", "31982")];

    private readonly LanguageModel _model = demo.Model;

    /// <summary>256 rows are fewer than the conversation has in the end, but hold the lines that are asked for.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Later_turns_go_on_where_the_caches_end(bool dense)
    {
        ElasticRule rule = dense ? ElasticRule.Dense : new ElasticRule(256, 0);
        PlanPolicy policy = new(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, rule));
        using ChatSession chat = new(_model, policy, Options, ElementType.F32);
        GenerationResult first = chat.Ask(DemoModel.Question);
        Assert.Equal("The <REGISTER_CONTENT> in line calm-river is <17265>.", first.Text);
        foreach ((string line, string number) in Further)
        {
            int cached = chat.CachedTokens;
            string question = $"What is the <REGISTER_CONTENT> in line {line}?";
            using ChatSession fresh = Replay(chat, policy);
            GenerationResult result = chat.Ask(question);
            Assert.False(chat.ReadAgain);
            Assert.InRange(result.PromptTokens, 5, 40); // the question, not the record
            Assert.Equal(cached + result.PromptTokens + result.Tokens.Length - 1, chat.CachedTokens);
            if (dense)
                Assert.Equal(fresh.Ask(question).Tokens, result.Tokens);
            Assert.Equal($"The <REGISTER_CONTENT> in line {line} is <{number}>.", result.Text);
        }

        Assert.InRange(chat.CachedTokens, 257, 400);
        Assert.Equal(10, chat.Messages.Count);
        Assert.Equal(["user", "assistant"], chat.Messages.Select(message => message.Role.Name).Distinct());
    }

    [Fact]
    public async Task An_answer_refuses_others_while_it_is_written_and_ends_when_the_conversation_is_disposed()
    {
        ChatSession chat = new(_model, new DensePolicy(), Options);
        using ChatSession other = new(_model, new DensePolicy(), Options);
        int refused = 0;
        GenerationResult result = chat.Ask(DemoModel.Question, piece =>
        {
            if (refused++ > 0)
                return;
            _ = Assert.Throws<InvalidOperationException>(() => chat.Ask("And now?"));
            _ = Assert.Throws<InvalidOperationException>(() => chat.Add(new ChatMessage(ChatRole.System, "No.")));
            _ = Assert.Throws<InvalidOperationException>(() => chat.Restart([]));
            Task<GenerationResult> elsewhere = Task.Run(() => chat.Ask("From another thread?"));
            _ = Assert.ThrowsAsync<InvalidOperationException>(() => elsewhere).GetAwaiter().GetResult();
        });
        Assert.True(refused > 0);
        Assert.Equal("The <REGISTER_CONTENT> in line calm-river is <17265>.", result.Text);
        Assert.Equal(2, chat.Messages.Count);

        // Between passes others may use the model.
        string theirs = "";
        _ = chat.Ask($"What is the <REGISTER_CONTENT> in line {Further[0].Line}?", _ => theirs = theirs.Length > 0 ? theirs : other.Ask(DemoModel.Question).Text);
        Assert.Equal(result.Text, theirs);
        Assert.Contains(Further[0].Number, chat.Messages[^1].Content, StringComparison.Ordinal);

        _ = await Assert.ThrowsAsync<ObjectDisposedException>(() => Task.Run(() => chat.Ask("Once more.", _ => chat.Dispose())));
        Assert.Equal(4, chat.Messages.Count);
        _ = Assert.Throws<ObjectDisposedException>(() => chat.Ask("And after that?"));
        chat.Dispose();
    }

    /// <summary>
    /// What is drawn at random is seldom cut into tokens as the tokenizer would cut its text; the caches hold what was drawn.
    /// </summary>
    [Fact]
    public void Answers_drawn_at_random_are_not_read_again()
    {
        GenerationOptions wild = new() { MaxNewTokens = 40, Sampling = new SamplingOptions { Temperature = 3, TopK = 300, Seed = 3 } };
        using ChatSession chat = new(_model, new DensePolicy(), wild);
        int tokens = 0;
        foreach (string question in new[] { DemoModel.Question, "Once more.", "And again?" })
        {
            GenerationResult result = chat.Ask(question);
            Assert.False(chat.ReadAgain);
            tokens += result.PromptTokens + result.Tokens.Length - 1;
            Assert.Equal(tokens, chat.CachedTokens);
        }

        int[] encoded = _model.RequireTokenizer().Encode(chat.Messages[1].Content, addSpecialTokens: false, parseSpecialTokens: false);
        Assert.NotEqual(40, encoded.Length); // or the test would show nothing
    }

    [Fact]
    public void A_conversation_goes_on_with_other_messages()
    {
        using ChatSession chat = new(_model, new DensePolicy(), Options);
        _ = chat.Ask(DemoModel.Question);
        ChatMessage[] kept = [.. chat.Messages];
        chat.Restart([new ChatMessage(ChatRole.System, "Be brief."), .. kept]);
        _ = chat.Ask("What is the <REGISTER_CONTENT> in line tidy-lake?");
        Assert.True(chat.ReadAgain);
        chat.Restart([]);
        Assert.Equal((0, 0, 0L), (chat.Messages.Count, chat.CachedTokens, chat.KvBytes));
        Assert.Equal("The <REGISTER_CONTENT> in line calm-river is <17265>.", chat.Ask(DemoModel.Question).Text);
        Assert.False(chat.ReadAgain);
        chat.Restart([.. kept, new ChatMessage(ChatRole.User, "a"), new ChatMessage(ChatRole.Assistant, "b")]);
        Assert.Equal(4, chat.Messages.Count);
    }

    /// <summary>A stop string of several tokens leaves some in the caches that are not part of the answer.</summary>
    [Fact]
    public void What_the_template_writes_differently_is_read_again()
    {
        using ChatSession chat = new(_model, new DensePolicy(), Options with { Stop = ["calm-river is"] });
        Assert.Equal("The <REGISTER_CONTENT> in line ", chat.Ask(DemoModel.Question).Text);
        using ChatSession fresh = Replay(chat, new DensePolicy());
        const string question = "What is the <REGISTER_CONTENT> in line tidy-lake?";
        GenerationResult result = chat.Ask(question);
        Assert.True(chat.ReadAgain);
        Assert.StartsWith(result.Text, fresh.Ask(question).Text, StringComparison.Ordinal);
        Assert.Equal(result.PromptTokens + result.Tokens.Length - 1, chat.CachedTokens);
    }

    /// <summary>Rows that were turned as those of a shorter text do not fit a longer one: it is read again, and then says what a fresh session says.</summary>
    [Fact]
    public void A_conversation_that_outgrows_the_angles_of_its_rows_is_read_again()
    {
        using TemporaryFolder folder = new();
        foreach (string file in Directory.GetFiles(RepositoryFiles.DemoModel))
            File.Copy(file, folder.File(Path.GetFileName(file)));
        JsonNode config = JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!;
        config["max_position_embeddings"] = 100;
        config["rope_scaling"] = new JsonObject { ["type"] = "dynamic", ["factor"] = 2 };
        File.WriteAllText(folder.File("config.json"), config.ToJsonString());
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using LanguageModel model = LanguageModel.Load(folder.Path, backend);
        GenerationOptions options = Options with { MaxNewTokens = 20 };
        using ChatSession chat = new(model, new DensePolicy(), options, ElementType.F32);
        _ = chat.Ask("a");
        _ = chat.Ask("b");
        Assert.False(chat.ReadAgain); // all of it within the trained length
        int turns = 2;
        for (; !chat.ReadAgain && turns < 10; turns++)
        {
            using ChatSession fresh = new(model, new DensePolicy(), options, ElementType.F32);
            foreach (ChatMessage message in chat.Messages)
                fresh.Add(message);
            Assert.Equal(fresh.Ask($"{turns}").Text, chat.Ask($"{turns}").Text);
        }

        Assert.InRange(turns, 3, 9);
    }

    [Fact]
    public void The_room_left_in_the_context_bounds_an_answer_and_a_full_one_is_refused()
    {
        using ChatSession chat = new(_model, new DensePolicy(), Options);
        int context = _model.Config.MaxPositions;
        string filler = string.Concat(Enumerable.Repeat("7", context - 20)); // every digit is a token
        int prompt = _model.RequireConversations().EncodePrompt([new ChatMessage(ChatRole.User, filler)]).Length;
        filler += string.Concat(Enumerable.Repeat("7", context - 3 - prompt));
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => chat.Ask(filler + "7777"));
        Assert.Contains($"context of {context}", failure.Message, StringComparison.Ordinal);
        Assert.Empty(chat.Messages);
        GenerationResult result = chat.Ask(filler);
        Assert.InRange(result.Tokens.Length, 1, 3);
    }

    private ChatSession Replay(ChatSession chat, AttentionPolicy policy)
    {
        ChatSession fresh = new(_model, policy, Options, ElementType.F32);
        foreach (ChatMessage message in chat.Messages)
            fresh.Add(message);
        return fresh;
    }
}
