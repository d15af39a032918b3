using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Tests.Generation;

/// <summary>The largest number of new tokens that can be asked for: the model's context bounds it, and nothing is reserved for it.</summary>
public sealed class NewTokensTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private const string Answer = "The <REGISTER_CONTENT> in line calm-river is <17265>.";

    private static readonly GenerationOptions Endless = new() { MaxNewTokens = int.MaxValue };

    private readonly LanguageModel _model = demo.Model;

    [Fact]
    public void Caches_bound_a_generation()
    {
        int[] prompt = Prompt();
        using SequenceCache sequence = _model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + 4);
        long before = GC.GetAllocatedBytesForCurrentThread();
        GenerationResult result = new TextGenerator(_model).Run(sequence, prompt, Endless);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        Assert.Equal((FinishReason.Length, 5), (result.Finish, result.Tokens.Length)); // the last one needs no row
    }

    [Fact]
    public void The_context_bounds_a_chat_and_a_batch()
    {
        using ChatSession chat = new(_model, new DensePolicy(), Endless);
        Assert.Equal(Answer, chat.Ask(DemoModel.Question).Text);
        Assert.Equal(2L * 4 * 8 * 32 * 2 * _model.Config.MaxPositions, chat.KvBytes);
        List<PromptResult> results = [];
        new PromptBatch(_model, new DensePolicy()).Run([new PromptRequest(Prompt(), Endless)], results.Add);
        Assert.Equal(Answer, Assert.Single(results).Generation.Text);
    }

    [Fact]
    public void A_run_without_room_is_refused_though_not_reserved()
    {
        using SequenceCache sequence = _model.Transformer.CreateSequence(new DensePolicy(), 100);
        GenerationRun run = new(sequence, [1, 2], int.MaxValue, new Sampler(SamplingOptions.Greedy, 8), new HashSet<int>());
        _ = Assert.Throws<ArgumentException>(() => new GenerationLoop(_model.Transformer).Add(run));
    }

    [Fact]
    public void Scores_for_more_tokens_than_the_context_has_are_refused()
    {
        SequenceScorer scorer = new(_model.Transformer) { MaxNewTokens = int.MaxValue, DecodeFrom = 2 };
        InvalidInputException failure = Assert.Throws<InvalidInputException>(() => scorer.Score([1, 2, 3], [true, true, true]));
        Assert.Contains("2147483647 new tokens after 2: the model's context is 4096", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Caches_that_no_machine_holds_are_refused_with_their_size()
    {
        InvalidInputException failure = Assert.Throws<InvalidInputException>(
            () => _model.Transformer.CreateSequence(new DensePolicy(), 2_000_000_000));
        Assert.Contains("KV caches for 2000000000 tokens take 7629.4 GiB", failure.Message, StringComparison.Ordinal); // 4096 bytes a token
        using SequenceCache small = _model.Transformer.CreateSequence(new DensePolicy(), 64);
        _ = Assert.Throws<InvalidInputException>(() => small.Extend(2_000_000_000));
        Assert.Equal(64, small.Capacity);
    }

    private int[] Prompt() => _model.RequireConversations().EncodePrompt([new ChatMessage(ChatRole.User, DemoModel.Question)]);
}
