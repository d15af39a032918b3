using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Serving.Chat;
using MoA.Serving.Prefixes;
using MoA.Serving.Scheduling;
using MoA.Serving.Telemetry;

namespace MoA.Serving;

/// <summary>
/// A model that this process runs, for many callers, who need not know of each other. It owns the thread that runs the model; every member may be called
/// from any thread at any time.
/// </summary>
public sealed class ModelService : IModelService, IAsyncDisposable, IDisposable
{
    // Where RoPE stretches with the text only memory bounds it, and this.
    private const int LongestSearched = 1 << 24;

    private readonly ServiceCounters _counters = new();
    private readonly CacheRoom _room;
    private readonly Scheduler _scheduler;
    private readonly ChatReader _chat;
    private readonly ServiceTelemetry _telemetry;
    private readonly bool _ownsModel;
    private bool _disposed;

    /// <summary>Starts serving a model.</summary>
    /// <param name="model">The model; stays the caller's, and nobody else may run it meanwhile.</param>
    /// <param name="options">How it is served.</param>
    /// <exception cref="InvalidInputException">An option is out of range, or the policy does not fit the model.</exception>
    public ModelService(LanguageModel model, ServiceOptions? options = null) : this(model, options ?? new ServiceOptions(), ownsModel: false)
    {
    }

    private ModelService(LanguageModel model, ServiceOptions options, bool ownsModel)
    {
        ArgumentNullException.ThrowIfNull(model);
        _ownsModel = ownsModel;
        Model = model;
        options.Check();
        Options = options.ReadPolicy(model.Config);
        long limit = Options.CacheBytes ?? AvailableMemory.Bytes() / 2;
        _room = new CacheRoom(model, Options, limit, OpenSessions(model, Options, limit));
        if (_room.LongestThatFits(2) < 2)
        {
            _room.Dispose();
            throw new InvalidInputException($"{limit} bytes for KV caches hold no sequence at all: {_room.BytesFor(2)} are the least");
        }
        ContextLength = _room.LongestThatFits(Math.Min(model.Config.LongestText, LongestSearched));
        _chat = new ChatReader(model);
        _scheduler = new Scheduler(model, Options, _room, _counters);
        _telemetry = new ServiceTelemetry(this);
    }

    /// <summary>Opens a model and serves it; both end with the service.</summary>
    /// <param name="model">A Hugging Face folder, a GGUF file, or <c>org/name[@revision][:file.gguf]</c> of the hub's cache on this machine.</param>
    /// <param name="load">How it is loaded.</param>
    /// <param name="options">How it is served.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="InvalidInputException">The model cannot be loaded, an option is out of range, or the policy does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">Loading was cancelled.</exception>
    public static ModelService Open(
        string model, ModelLoadOptions? load = null, ServiceOptions? options = null, CancellationToken cancellation = default)
    {
        load ??= new ModelLoadOptions();
        options ??= new ServiceOptions();
        options.Check();
        LanguageModel opened = LanguageModel.Load(model, load with { Residency = WeightResidency.Mapped }, cancellation);
        try
        {
            _ = opened.PlaceWeights(load.Residency, options.CacheBytes ?? 0, cancellation);
            return new ModelService(opened, options, ownsModel: true);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public LanguageModel Model { get; }

    /// <inheritdoc/>
    public string Name => Options.Name ?? Model.Name;

    /// <inheritdoc/>
    public ServiceOptions Options { get; }

    /// <inheritdoc/>
    public int ContextLength { get; }

    /// <summary>The service's number in this process, by which telemetry tells services apart.</summary>
    public int Instance => _telemetry.Instance;

    /// <inheritdoc/>
    public ServiceState State
    {
        get
        {
            (int running, int waiting) = _scheduler.Count();
            return _counters.Fill(new ServiceState
            {
                Running = running,
                Waiting = waiting,
                IsFull = _scheduler.IsFull,
                IsStopping = _scheduler.IsStopping,
                CacheBytes = _room.Bytes,
                CacheLimit = _room.Limit,
                PeakCacheBytes = _room.PeakBytes,
                Prefixes = _room.Kept.Count,
                PrefixBytes = _room.Kept.Bytes,
            });
        }
    }

    /// <inheritdoc/>
    public TextReply Generate(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        RequestTelemetry? telemetry = _telemetry.Start("text_completion", request.MaxNewTokens, request.Sampling, request.Stop);
        try
        {
            int[] prompt = [.. request.Prompt];
            TextServedRun run = new(Model, request, prompt, NewTokens(request, prompt)) { Telemetry = telemetry };
            _scheduler.Submit(run);
            return run.Reply;
        }
        catch (Exception failure)
        {
            telemetry?.Fail(failure);
            throw;
        }
    }

    /// <inheritdoc/>
    public ChatReply Chat(ChatRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        RequestTelemetry? telemetry = _telemetry.Start("chat", request.MaxNewTokens, request.Sampling, request.Stop, request.Format.IsJson);
        try
        {
            ChatPrompt prompt = _chat.Read(request);
            ChatServedRun run = new(_chat, prompt, NewTokens(prompt.Request, prompt.Tokens)) { Telemetry = telemetry };
            _scheduler.Submit(run);
            return run.Reply;
        }
        catch (Exception failure)
        {
            telemetry?.Fail(failure);
            throw;
        }
    }

    /// <inheritdoc/>
    public int[] Encode(ChatRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _chat.Read(request).Tokens;
    }

    /// <inheritdoc/>
    public string Render(ChatRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return _chat.Render(request);
    }

    /// <inheritdoc/>
    public int[][] RowsKept(int tokens, int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        return [.. Options.Policy.Resolve(Model.Config, capacity).Select(layer => layer.Stored.Select(head => Math.Min(tokens, head.Rows)).ToArray())];
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellation = default)
    {
        _scheduler.Stop();
        await using CancellationTokenRegistration registration = cancellation.UnsafeRegister(static scheduler => ((Scheduler)scheduler!).CancelAll(), _scheduler);
        await _scheduler.Ended.ConfigureAwait(false);
    }

    /// <summary>Cancels everything and frees all caches.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
            return;
        _scheduler.CancelAll();
        await _scheduler.Ended.ConfigureAwait(false);
        _scheduler.Dispose();
        _room.Dispose();
        _telemetry.Dispose();
        if (_ownsModel)
            Model.Dispose();
    }

    /// <summary>Cancels everything, frees all caches, and waits for it.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    private static SessionStore? OpenSessions(LanguageModel model, ServiceOptions options, long limit) => options.SessionFolder is not string folder
        ? null
        : new SessionStore(
            new SessionFiles(model, options.Policy, options.CacheType), folder, options.SessionBytes ?? Math.Min(limit, long.MaxValue / 4) * 4,
            options.Note ?? (static _ => { }));

    // Never a shorter text than was asked for without a word: what cannot be had is refused with the numbers.
    private int NewTokens(GenerationRequest request, int[] prompt)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Check(request, prompt);
        int context = Model.Config.LongestText;
        if (prompt.Length + (request.MaxNewTokens == 0 ? 0 : 1) > context)
        {
            throw new RequestRefusedException(RefusalReason.ContextTooLong,
                $"the prompt has {prompt.Length} tokens, but the context of {Model.Name} is {context} tokens, of which at least one must be left for the answer; shorten it");
        }

        int room = context - prompt.Length;
        bool shortens = request.ShortensToFit || request.MaxNewTokens is null;
        if (request.MaxNewTokens is int asked && asked > room && !shortens)
        {
            throw new RequestRefusedException(RefusalReason.ContextTooLong,
                $"{prompt.Length} tokens of prompt and {asked} new ones are asked for, {prompt.Length + (long)asked} together, but the context of {Model.Name} is {context} tokens: ask for at most {room} new tokens");
        }

        int wanted = Math.Min(request.MaxNewTokens ?? Options.DefaultNewTokens, room);
        if (_room.BytesFor(prompt.Length + wanted) <= _room.Limit)
            return wanted;
        int fits = _room.LongestThatFits(prompt.Length + wanted) - prompt.Length;
        if (shortens && fits > 0)
            return fits;
        throw new RequestRefusedException(RefusalReason.NeverFits,
            $"{prompt.Length} tokens of prompt and {wanted} new ones take {_room.BytesFor(prompt.Length + wanted)} bytes of KV caches, but all caches together may take {_room.Limit}: " +
            (fits > 0 ? $"ask for at most {fits} new tokens" : $"prompt and answer may have {prompt.Length + fits} tokens together"));
    }

    private void Check(GenerationRequest request, int[] prompt)
    {
        if (prompt.Length == 0)
            throw new InvalidInputException("the prompt is empty; it needs at least one token");
        int vocabulary = Model.Config.VocabularySize;
        foreach (int token in prompt)
        {
            if (token < 0 || token >= vocabulary)
                throw new InvalidInputException($"the prompt has token {token}, but the vocabulary has tokens 0 to {vocabulary - 1}");
        }

        foreach (int token in request.Written)
        {
            if (token < 0 || token >= vocabulary)
                throw new InvalidInputException($"token {token} is said to have been written, but the vocabulary has tokens 0 to {vocabulary - 1}");
        }

        if (request.MaxNewTokens is < 0)
            throw new InvalidInputException($"{request.MaxNewTokens} new tokens: expected 0 or more");
        if ((request.LogProbabilities < 0 ? request.LogProbabilities : request.PromptLogProbabilities) is < 0 and int negative)
            throw new InvalidInputException($"{negative} log-probabilities: expected 0 or more");
        request.Sampling.Check();
    }
}
