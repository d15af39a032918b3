using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Generation;

/// <summary>
/// Cancelling in the middle of a pass, against the same work that nobody cancels. The demo model has 4 layers; the hook
/// cancels before the attention of the second or third of one pass.
/// </summary>
public sealed class CancellationTests : IDisposable
{
    private const string Second = "What is the <REGISTER_CONTENT> in line tidy-lake?";

    private static readonly string Question = DemoModel.Question.Replace(
        "line calm-river:", "line old-hill: REGISTER_CONTENT is <10007>\nline late-moon: REGISTER_CONTENT is <55555>\nline calm-river:",
        StringComparison.Ordinal);

    private readonly HookedBackend _backend = new(ComputeBackend.CreateCpu(2));
    private readonly LanguageModel _model;

    public CancellationTests() => _model = LanguageModel.Load(RepositoryFiles.DemoModel, _backend, maxRows: 40);

    /// <summary>Passes of 40 rows: the prompt of about 150 tokens takes four of them.</summary>
    [Fact]
    public void A_pass_that_reads_a_prompt_is_cut_off_between_layers_and_can_be_made_again()
    {
        int[] prompt = _model.RequireConversations().EncodePrompt([new(ChatRole.User, Question)]);
        int[] whole = Generate(prompt, cutAt: 0);
        foreach (int cutAt in new[] { 2, 6, 11, 15 })
            Assert.Equal(whole, Generate(prompt, cutAt));

        int[] Generate(int[] tokens, int cutAt)
        {
            using SequenceCache sequence = _model.Transformer.CreateSequence(new DensePolicy(), tokens.Length + 60);
            GenerationLoop loop = new(_model.Transformer);
            GenerationRun run = new(
                sequence, tokens, 60, new Sampler(SamplingOptions.Greedy, _model.Config.VocabularySize), _model.StopTokens);
            loop.Add(run);
            if (cutAt > 0)
            {
                using CancellationTokenSource source = CancelAt(cutAt, out Func<int> calls);
                _ = Assert.ThrowsAny<OperationCanceledException>(() => loop.RunToEnd(source.Token));
                Assert.Equal(cutAt, calls()); // the attention that was under way was the last
                Assert.Equal((cutAt - 1) / 4 * 40, sequence.Length);
                Assert.Equal((sequence.Length, false), (run.PrefilledTokens, sequence.IsCutOff));
            }

            loop.RunToEnd();
            return [.. run.Output];
        }
    }

    /// <summary>Rings of 64 rows beside the sink turn in the fourth pass: rows of the first layers are gone then.</summary>
    [Fact]
    public void Caches_that_lost_rows_refuse_to_go_on()
    {
        int[] prompt = _model.RequireConversations().EncodePrompt([new(ChatRole.User, Question)]);
        PlanPolicy policy = new(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(128, 0)));
        using SequenceCache sequence = _model.Transformer.CreateSequence(policy, prompt.Length + 60);
        using CancellationTokenSource source = CancelAt(15, out _);
        _ = Assert.ThrowsAny<OperationCanceledException>(() => new TextGenerator(_model).Run(
            sequence, prompt, new GenerationOptions(), cancellation: source.Token));
        Assert.Equal((120, true), (sequence.Length, sequence.IsCutOff));
        _ = Assert.Throws<InvalidOperationException>(() => new TextGenerator(_model).Run(sequence, prompt.AsSpan(120), new GenerationOptions()));
    }

    public static TheoryData<string, int> Policies => new()
    {
        { "dense", 2 }, { "dense", 7 }, { "dense", 14 }, { "spans", 2 }, { "spans", 7 }, { "spans", 15 }, { "h2o", 7 }, { "infllm", 7 },
    };

    /// <summary>Whatever the policy and wherever it comes, no token is read twice: each is prefilled or decoded once.</summary>
    [Theory]
    [MemberData(nameof(Policies))]
    public void A_question_that_was_stopped_while_it_was_read_is_read_on(string name, int cutAt)
    {
        using ChatSession chat = new(_model, PolicyOf(name), new GenerationOptions { MaxNewTokens = 60 });
        int[] prompt = _model.RequireConversations().EncodePrompt([new(ChatRole.User, Question)]);
        GenerationResult stopped;
        using (CancellationTokenSource source = CancelAt(cutAt, out _))
            stopped = chat.Ask(Question, cancellation: source.Token);
        Assert.Equal(FinishReason.Cancelled, stopped.Finish);
        // The rings turn in the last pass, which is therefore run to its end.
        Assert.Equal(name == "spans" && cutAt > 12 ? 1 : 0, stopped.Tokens.Length);
        Assert.InRange(stopped.PromptTokens, (cutAt - 1) / 4 * 40, Math.Min(prompt.Length, (cutAt + 3) / 4 * 40));
        Assert.Equal(stopped.PromptTokens, chat.CachedTokens);
        Assert.Equal(["user", "assistant"], chat.Messages.Select(message => message.Role.Name));
        int[] both = _model.RequireConversations().EncodePrompt([.. chat.Messages, new(ChatRole.User, Second)]);
        GenerationResult next = chat.Ask(Second);
        Assert.False(chat.ReadAgain);
        Assert.Equal(both.Length, stopped.PromptTokens + next.PromptTokens);
        Assert.NotEmpty(next.Text);
        if (name != "dense")
            return;
        using ChatSession fresh = new(_model, new DensePolicy(), new GenerationOptions { MaxNewTokens = 60 });
        fresh.Add(chat.Messages[0]);
        fresh.Add(chat.Messages[1]);
        Assert.Equal(fresh.Ask(Second).Tokens, next.Tokens);
    }

    [Theory]
    [InlineData("dense")]
    [InlineData("spans")]
    [InlineData("h2o")]
    [InlineData("infllm")]
    public void An_answer_that_was_stopped_is_kept_with_its_caches(string name)
    {
        using ChatSession chat = new(_model, PolicyOf(name), new GenerationOptions { MaxNewTokens = 60 });
        string shown = "";
        using CancellationTokenSource source = new();
        GenerationResult stopped = chat.Ask(
            Question,
            piece =>
            {
                shown += piece;
                if (shown.Contains("REGISTER_CONTENT", StringComparison.Ordinal))
                    source.Cancel();
            },
            source.Token);
        Assert.Equal((FinishReason.Cancelled, shown), (stopped.Finish, stopped.Text));
        Assert.Equal(shown, chat.Messages[1].Content);
        Assert.StartsWith(shown, name is "dense" or "spans" ? "The <REGISTER_CONTENT> in line calm-river is <17265>." : shown, StringComparison.Ordinal);
        Assert.Equal(stopped.PromptTokens + stopped.Tokens.Length - 1, chat.CachedTokens);
        GenerationResult next = chat.Ask(Second);
        Assert.False(chat.ReadAgain);
        // The token that was drawn last, the end of the turn, and the question.
        int asked = _model.RequireConversations().EncodePrompt([new(ChatRole.User, Second)]).Length;
        Assert.InRange(next.PromptTokens, 5, asked + 3);
        if (name == "dense")
            Assert.Equal("The <REGISTER_CONTENT> in line tidy-lake is <23743>.", next.Text);
    }

    [Fact]
    public void A_turn_that_was_cancelled_before_it_began_is_none()
    {
        using ChatSession chat = new(_model, new DensePolicy(), new GenerationOptions());
        _ = Assert.ThrowsAny<OperationCanceledException>(() => chat.Ask("a", cancellation: new CancellationToken(canceled: true)));
        Assert.Empty(chat.Messages);
    }

    public void Dispose()
    {
        _model.Dispose();
        _backend.Dispose();
    }

    private CancellationTokenSource CancelAt(int attention, out Func<int> calls)
    {
        CancellationTokenSource source = new();
        int count = 0;
        _backend.BeforeAttention = () =>
        {
            if (++count == attention)
                source.Cancel();
        };
        calls = () => count;
        return source;
    }

    private static AttentionPolicy PolicyOf(string name) => name switch
    {
        "spans" => new PlanPolicy(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, new ElasticRule(128, 0))),
        "h2o" => new H2oPolicy(new ElasticRule(0, 0.5)),
        "infllm" => new InfLlmPolicy(new ElasticRule(0, 0.75)),
        _ => new DensePolicy(),
    };
}
