using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Serving;
using MoA.Serving.Chat;

namespace MoA.Cluster.Conversations;

/// <summary>
/// The model of a whole cluster, as one of its members serves it: each request goes to the member that holds its conversation, which may be this one, and its answer comes back
/// as it is written.
/// </summary>
internal sealed class ClusterService : IModelService, IDisposable
{
    // Text is counted, not cut into tokens, to choose a member; who is chosen reckons exactly.
    private const int CharactersPerToken = 4, TokensPerMessage = 8;

    private readonly ConcurrentDictionary<Task, bool> _running = [];
    private readonly CancellationTokenSource _cancelAll = new();
    private readonly HeldConversations _held;
    private readonly ModelService _service;
    private readonly MemberState _member;
    private volatile bool _isStopping;

    /// <summary>Serves a cluster's model.</summary>
    /// <param name="member">This process as a member, with a service of its own.</param>
    public ClusterService(MemberHost member)
    {
        ArgumentNullException.ThrowIfNull(member);
        Grains = member.Grains;
        _held = member.Services.GetRequiredService<HeldConversations>();
        _service = _held.Service ?? throw new InvalidOperationException("The member has no model.");
        _member = member.State;
    }

    /// <inheritdoc/>
    public LanguageModel Model => _service.Model;

    /// <inheritdoc/>
    public string Name => _service.Name;

    /// <inheritdoc/>
    public ServiceOptions Options => _service.Options;

    /// <inheritdoc/>
    public int ContextLength => _service.ContextLength;

    /// <summary>What this member does; it stops when the member leaves.</summary>
    public ServiceState State
    {
        get
        {
            ServiceState state = _service.State;
            return state with { IsStopping = state.IsStopping || _isStopping || _member.IsDraining };
        }
    }

    /// <summary>The model as it is served (<see cref="ServiceFingerprint"/>).</summary>
    public string Fingerprint => _held.Fingerprint;

    /// <summary>Calls grains.</summary>
    internal IGrainFactory Grains { get; }

    /// <inheritdoc/>
    public ChatReply Chat(ChatRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string key = ConversationKey.Of(request, Fingerprint);
        int tokens = (request.Messages.Sum(static message => message.Content.Length) / CharactersPerToken) + (request.Messages.Count * TokensPerMessage);
        RemoteChatRun run = new(this, key, new ConversationRequest
        {
            Id = Guid.NewGuid(),
            IsChat = true,
            Body = [],
            HasAnswers = request.Messages.Any(static message => message.Role == ChatRole.Assistant),
            Need = Need(tokens, request.MaxNewTokens, ConversationKey.PrefixesOf(request)),
        }, request);
        Start(run.RunAsync, run.Cancel);
        return run.Reply;
    }

    /// <inheritdoc/>
    public TextReply Generate(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Constraint is not null)
            throw new InvalidInputException("a constraint of the caller's own cannot be sent to another member; ask for a format with a conversation");
        Guid id = Guid.NewGuid();
        RemoteTextRun run = new(this, ConversationKey.Of(id), new ConversationRequest
        {
            Id = id,
            IsChat = false,
            Body = [],
            Need = Need(request.Prompt.Count, request.MaxNewTokens, ConversationKey.PrefixesOf(request)),
        }, request);
        Start(run.RunAsync, run.Cancel);
        return run.Reply;
    }

    /// <inheritdoc/>
    public int[] Encode(ChatRequest request) => _service.Encode(request);

    /// <inheritdoc/>
    public string Render(ChatRequest request) => _service.Render(request);

    /// <inheritdoc/>
    public int[][] RowsKept(int tokens, int capacity) => _service.RowsKept(tokens, capacity);

    /// <summary>Takes no more requests and lets those that came in here end, whoever answers them; cancels them when <paramref name="cancellation"/> fires.</summary>
    public async Task StopAsync(CancellationToken cancellation = default)
    {
        _isStopping = true;
        await using CancellationTokenRegistration registration = cancellation.UnsafeRegister(static all => ((CancellationTokenSource)all!).Cancel(), _cancelAll);
        await Task.WhenAll(_running.Keys).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public void Dispose() => _cancelAll.Dispose();

    /// <summary>A request goes on elsewhere, since whoever answered it is lost.</summary>
    internal void NoteLost(Guid request, int written, string why)
    {
        ClusterMeters.Moved.Add(1, new KeyValuePair<string, object?>("moa.reason", "lost"));
        _held.Note($"request {request:N}: {why}; another member goes on after {written} tokens");
    }

    /// <summary>A member has answered a request.</summary>
    internal static void NoteAnswered(string member) => ClusterMeters.Answered.Add(1, new KeyValuePair<string, object?>("moa.member", member));

    /// <summary>A member has sent a request on.</summary>
    internal static void NoteSentOn(string member) => ClusterMeters.Moved.Add(1, new("moa.reason", "sent on"), new("moa.member", member));

    private ConversationNeed Need(int promptTokens, int? newTokens, ConversationPrefix[] prefixes)
    {
        long capacity = promptTokens + (long)(newTokens ?? Options.DefaultNewTokens);
        return new ConversationNeed
        {
            Fingerprint = Fingerprint,
            Bytes = Model.CacheBytesOf(Options.Policy, (int)Math.Min(capacity, Math.Max(1, ContextLength)), Options.CacheType),
            Prefixes = prefixes,
        };
    }

    private void Start(Func<Task> run, Action cancel)
    {
        if (_isStopping)
            throw new RequestRefusedException(RefusalReason.Stopping, "the service is being stopped and takes no requests");
        CancellationTokenRegistration registration = _cancelAll.Token.UnsafeRegister(static cancel => ((Action)cancel!)(), cancel);
        Task running = Task.Run(run);
        _running[running] = true;
        _ = running.ContinueWith(
            ended =>
            {
                registration.Unregister();
                _ = _running.TryRemove(ended, out _);
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }
}
