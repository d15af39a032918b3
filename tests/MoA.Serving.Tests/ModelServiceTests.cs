using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving.Chat;

namespace MoA.Serving.Tests;

/// <summary>Many callers of one model, against the same texts written alone.</summary>
public sealed class ModelServiceTests(DemoModel demo) : IClassFixture<DemoModel>
{
    private readonly LanguageModel _model = demo.Model;

    private static ServiceOptions Options { get; } = new() { CacheType = ElementType.F32, CacheBytes = 64 << 20 };

    [Fact]
    public async Task An_answer_is_the_one_that_a_conversation_alone_gets()
    {
        await using ModelService service = new(_model, Options);
        ChatOutcome outcome = await service.Chat(Ask(DemoModel.Question)).Outcome;
        Assert.Equal("The <REGISTER_CONTENT> in line calm-river is <17265>.", outcome.Message.Content);
        Assert.Equal((ChatFinish.Stop, 0), (outcome.Finish, outcome.Usage.CachedTokens));
        Assert.Equal(service.Encode(Ask(DemoModel.Question)).Length, outcome.Usage.PromptTokens);
    }

    /// <summary>More texts than run at one time, of all lengths, drawn with seeds: none is lost and none takes another's tokens.</summary>
    [Fact]
    public async Task Each_of_many_texts_is_the_one_that_it_would_be_alone()
    {
        Random random = new(1);
        GenerationRequest[] requests = [.. Enumerable.Range(0, 40).Select(i => new GenerationRequest
        {
            Prompt = Prompt(random, random.Next(1, 300)),
            MaxNewTokens = random.Next(1, 40),
            Sampling = i % 2 == 0 ? SamplingOptions.Greedy : new SamplingOptions { Temperature = 1, Seed = (ulong)i },
        })];
        await using ModelService service = new(_model, Options with { MaxSequences = 7, CacheBytes = 4 << 20 });
        List<int>[] read = await Task.WhenAll(requests.Select(async request =>
        {
            List<int> tokens = [];
            await using TextReply reply = service.Generate(request);
            await foreach (GenerationPiece piece in reply)
                tokens.AddRange(piece.Tokens);
            GenerationOutcome outcome = await reply.Outcome;
            Assert.Equal(outcome.Tokens, tokens);
            return tokens;
        }));
        Assert.InRange(service.State.PeakCacheBytes, 1, 4 << 20);
        Assert.Equal((0, 0, 40L), (service.State.Running, service.State.Waiting, service.State.Ended));
        await service.DisposeAsync();
        for (int i = 0; i < requests.Length; i++)
            Assert.Equal(Alone(requests[i]), read[i]);
    }

    [Fact]
    public async Task More_tokens_than_there_is_room_for_are_refused_or_cut_as_asked_for()
    {
        await using ModelService service = new(_model, Options with { CacheBytes = 1 << 20 });
        GenerationRequest request = new() { Prompt = [5, 6], MaxNewTokens = 5000, Sampling = new() { LogitBias = _model.StopTokens.ToDictionary(token => token, _ => -100.0) } };
        RequestRefusedException refusal = Assert.Throws<RequestRefusedException>(() => service.Generate(request));
        Assert.Equal(RefusalReason.ContextTooLong, refusal.Reason);
        Assert.Contains("2 tokens of prompt and 5000 new ones are asked for, 5002 together, but the context of demo is 4096 tokens: ask for at most 4094", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(RefusalReason.NeverFits, Assert.Throws<RequestRefusedException>(() => service.Generate(request with { MaxNewTokens = 4094 })).Reason);
        GenerationOutcome outcome = await service.Generate(request with { ShortensToFit = true }).Outcome;
        Assert.Equal((FinishReason.Length, service.ContextLength - 2), (outcome.Finish, outcome.Tokens.Count));
    }

    [Fact]
    public async Task What_was_cancelled_frees_its_caches_and_keeps_what_was_written()
    {
        await using ModelService service = new(_model, Options);
        using CancellationTokenSource stop = new();
        List<int> tokens = [];
        TextReply reply = service.Generate(new GenerationRequest { Prompt = Prompt(new Random(2), 50), MaxNewTokens = 4000, Sampling = new() { Temperature = 1 } });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GenerationPiece piece in reply.WithCancellation(stop.Token))
            {
                tokens.AddRange(piece.Tokens);
                if (tokens.Count >= 20)
                    await stop.CancelAsync();
            }
        });
        GenerationOutcome outcome = await reply.Outcome;
        Assert.Equal(FinishReason.Cancelled, outcome.Finish);
        Assert.Equal(tokens, outcome.Tokens);
        Assert.InRange(tokens.Count, 20, 4000);
        Assert.Equal((0, 1L), (service.State.Running, service.State.Cancelled));
    }

    [Fact]
    public async Task A_prompt_that_nobody_waits_for_is_read_no_further()
    {
        await using ModelService service = new(_model, Options);
        TextReply reply = service.Generate(new GenerationRequest { Prompt = Prompt(new Random(3), 4000), MaxNewTokens = 1 });
        await reply.Started;
        reply.Cancel();
        GenerationOutcome outcome = await reply.Outcome;
        Assert.Equal((FinishReason.Cancelled, 0), (outcome.Finish, outcome.Tokens.Count));
        Assert.InRange(reply.TokensRead, 0, 3999);
    }

    [Fact]
    public async Task What_cannot_be_taken_is_refused_with_the_numbers()
    {
        long bytes = SequenceCache.EstimateBytes(_model.Config, new DensePolicy(), 256, ElementType.F32);
        await using ModelService service = new(_model, Options with { CacheBytes = bytes, QueueLength = 1 });
        int[] prompt = Prompt(new Random(4), 200);
        RequestRefusedException never = Assert.Throws<RequestRefusedException>(
            () => service.Generate(new GenerationRequest { Prompt = prompt, MaxNewTokens = 57 }));
        Assert.Equal(RefusalReason.NeverFits, never.Reason);
        Assert.Contains("at most 56 new tokens", never.Message, StringComparison.Ordinal);
        Assert.Equal(RefusalReason.ContextTooLong, Assert.Throws<RequestRefusedException>(
            () => service.Generate(new GenerationRequest { Prompt = Prompt(new Random(4), _model.Config.LongestText) })).Reason);
        _ = Assert.Throws<InvalidInputException>(() => service.Generate(new GenerationRequest { Prompt = [] }));
        _ = Assert.Throws<InvalidInputException>(() => service.Generate(new GenerationRequest { Prompt = [-1] }));

        // Two that fill the memory: the second waits, a third is one too many, and the second waits in vain.
        GenerationRequest endless = new() { Prompt = prompt[..1], MaxNewTokens = 255, Sampling = new() { LogitBias = _model.StopTokens.ToDictionary(token => token, _ => -100.0) } };
        await using TextReply first = service.Generate(endless);
        await first.Started;
        await using TextReply second = service.Generate(endless);
        Assert.Equal(RefusalReason.QueueFull, Assert.Throws<RequestRefusedException>(() => service.Generate(endless)).Reason);
        Assert.Equal(255, (await first.Outcome).Tokens.Count);
        Assert.Equal(255, (await second.Outcome).Tokens.Count);
    }

    /// <summary>Nobody waits longer than may be; what holds the memory is a text whose reader takes all the time.</summary>
    [Fact]
    public async Task Who_waits_too_endlessis_refused()
    {
        long bytes = SequenceCache.EstimateBytes(_model.Config, new DensePolicy(), 4096, ElementType.F32);
        await using ModelService service = new(_model, Options with { CacheBytes = bytes, LongestWait = TimeSpan.FromMilliseconds(50) });
        GenerationRequest endless = new() { Prompt = [5], MaxNewTokens = 4095, Sampling = new() { LogitBias = _model.StopTokens.ToDictionary(token => token, _ => -100.0) } };
        await using TextReply first = service.Generate(endless);
        await first.Started;
        TextReply second = service.Generate(endless);
        Assert.Equal(RefusalReason.WaitedTooLong, (await Assert.ThrowsAsync<RequestRefusedException>(() => second.Outcome)).Reason);
        await Assert.ThrowsAsync<RequestRefusedException>(() => second.Started);
        Assert.Equal((1, 1L), (service.State.Running, service.State.Refused));
    }

    [Fact]
    public async Task A_service_that_is_stopped_ends_what_it_has_begun_and_takes_nothing_more()
    {
        ModelService service = new(_model, Options);
        TextReply reply = service.Generate(new GenerationRequest { Prompt = Prompt(new Random(5), 20), MaxNewTokens = 30, Sampling = Endless });
        await service.StopAsync();
        Assert.True(reply.Outcome.IsCompletedSuccessfully);
        Assert.Equal(RefusalReason.Stopping, Assert.Throws<RequestRefusedException>(
            () => service.Generate(new GenerationRequest { Prompt = [1] })).Reason);
        await service.DisposeAsync();
        _ = Assert.Throws<ObjectDisposedException>(() => service.Generate(new GenerationRequest { Prompt = [1] }));
        reply.Cancel(); // harmless
    }

    /// <summary>Whatever a caller does to it, others get their texts, nothing is left behind, and nobody waits for ever.</summary>
    [Fact]
    public async Task Misuse_harms_nobody()
    {
        ModelService service = new(_model, Options);
        GenerationRequest endless = new() { Prompt = Prompt(new Random(6), 20), MaxNewTokens = 3000, Sampling = Endless };
        GenerationRequest brief = new() { Prompt = Prompt(new Random(7), 20), MaxNewTokens = 10 };

        // Given up before the first look; read twice, and never.
        TextReply early = service.Generate(endless);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await ReadAsync(early, new CancellationToken(canceled: true)));
        Assert.Equal(FinishReason.Cancelled, (await early.Outcome.WaitAsync(Patience)).Finish);
        TextReply twice = service.Generate(brief);
        int[] tokens = await ReadAsync(twice, default);
        Assert.Equal((10, 0), (tokens.Length, (await ReadAsync(twice, default)).Length));
        Assert.Equal(tokens, (await service.Generate(brief).Outcome.WaitAsync(Patience)).Tokens);

        // A constraint that throws, or allows nothing, is the end of its own text alone.
        foreach (bool throws in (bool[])[true, false])
        {
            TextReply broken = service.Generate(brief with { Constraint = new Broken(throws) }), other = service.Generate(brief);
            await Assert.ThrowsAnyAsync<Exception>(() => broken.Outcome.WaitAsync(Patience));
            await Assert.ThrowsAnyAsync<Exception>(() => ReadAsync(broken, default));
            Assert.Equal(tokens, (await other.Outcome.WaitAsync(Patience)).Tokens);
        }

        Assert.Equal((0, 0), (service.State.Running, service.State.Waiting));

        // Ended in the middle, by several at once, and again.
        TextReply[] cut = [.. Enumerable.Range(0, 5).Select(_ => service.Generate(endless))];
        await cut[0].Started;
        await Task.WhenAll(service.DisposeAsync().AsTask(), service.DisposeAsync().AsTask(), service.StopAsync(), service.StopAsync()).WaitAsync(Patience);
        Assert.All(await Task.WhenAll(cut.Select(reply => reply.Outcome)).WaitAsync(Patience), outcome => Assert.Equal(FinishReason.Cancelled, outcome.Finish));
        service.Dispose();
        await service.StopAsync().WaitAsync(Patience);
        _ = Assert.Throws<ObjectDisposedException>(() => service.Generate(brief));
        Assert.Equal((0, 0L), (service.State.Running, service.State.CacheBytes));

        static async Task<int[]> ReadAsync(TextReply reply, CancellationToken cancellation)
        {
            List<int> read = [];
            await foreach (GenerationPiece piece in reply.WithCancellation(cancellation))
                read.AddRange(piece.Tokens);
            return [.. read];
        }
    }

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private sealed class Broken(bool throws) : TokenConstraint
    {
        public override void Allow(Span<ulong> allowed)
        {
            if (throws)
                throw new FormatException("a caller's mistake");
        }

        public override void Accept(int token)
        {
        }
    }

    private static SamplingOptions Endless { get; } = new() { Temperature = 2, Seed = 3 };

    private static ChatRequest Ask(string question) => new() { Messages = [new ChatMessage(ChatRole.User, question)], MaxNewTokens = 60 };

    private int[] Prompt(Random random, int length) => [.. Enumerable.Range(0, length).Select(_ => random.Next(_model.Config.VocabularySize))];

    private int[] Alone(GenerationRequest request)
    {
        int[] prompt = [.. request.Prompt];
        using SequenceCache caches = _model.Transformer.CreateSequence(new DensePolicy(), prompt.Length + request.MaxNewTokens!.Value, ElementType.F32);
        GenerationOptions options = new() { MaxNewTokens = request.MaxNewTokens.Value, Sampling = request.Sampling };
        return new TextGenerator(_model).Run(caches, prompt, options).Tokens;
    }
}
