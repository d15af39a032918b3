using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using MoA.Serving;
using Orleans.Concurrency;
using Orleans.Runtime;
using Orleans.Storage;

namespace MoA.Cluster.Conversations;

/// <inheritdoc cref="IConversationGrain"/>
[ByCaches, Reentrant, CollectionAgeLimit(Hours = 2)]
internal sealed class ConversationGrain : Grain, IConversationGrain
{
    // What a request that waits costs about as much as: so many tokens read again elsewhere.
    private const int TokensPerWaiting = 2048;
    private const int MostSent = 3;

    private readonly Dictionary<Guid, HeldAnswer> _answers = [];
    private readonly HeldConversations _held;
    private readonly MemberState _member;
    private readonly MembersSeen _seen;
    private readonly ConversationStore _store;
    private bool _leaves;

    public ConversationGrain(HeldConversations held, MemberState member, MembersSeen seen, IGrainContext context)
    {
        (_held, _member, _seen) = (held, member, seen);
        _store = new ConversationStore(
            context.ActivationServices.GetRequiredKeyedService<IGrainStorage>(MemberHost.StorageName), context.GrainId, held.Note);
    }

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _held.Add(this.AsReference<IConversationGrain>());
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _held.Remove(this.AsReference<IConversationGrain>());
        foreach (HeldAnswer answer in _answers.Values)
            answer.Cancel();
        await _store.CloseAsync(TimeSpan.FromSeconds(5));
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ConversationEvent> Answer(ConversationRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        if (await SendsOnAsync(request))
        {
            if (_answers.Count == 0)
                DeactivateOnIdle();
            yield return new ConversationEvent { Kind = ConversationEventKind.SentOn, Message = Here };
            yield break;
        }

        if (_answers.TryGetValue(request.Id, out HeldAnswer? earlier))
            earlier.Cancel(); // who asked has lost it, and asks again
        HeldAnswer answer = new(_held, _store, request);
        _answers[request.Id] = answer;
        _held.Count(1);
        Channel<ConversationEvent> events = Channel.CreateUnbounded<ConversationEvent>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        Task writing = answer.WriteAsync(events.Writer);
        try
        {
            using (cancellation.UnsafeRegister(static answer => ((HeldAnswer)answer!).Cancel(), answer))
            {
                await foreach (ConversationEvent next in events.Reader.ReadAllAsync(CancellationToken.None))
                    yield return next;
            }
        }
        finally
        {
            answer.Cancel();
            await writing;
            if (_answers.GetValueOrDefault(request.Id) == answer)
                _ = _answers.Remove(request.Id);
            _held.Count(-1);
            if (_leaves && _answers.Count == 0)
                DeactivateOnIdle();
        }
    }

    /// <inheritdoc/>
    public Task Stop(Guid request)
    {
        if (_answers.TryGetValue(request, out HeldAnswer? answer))
            answer.Cancel();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task Leave()
    {
        _leaves = true;
        if (_answers.Count == 0)
            DeactivateOnIdle();
        return Task.CompletedTask;
    }

    private string Here => GrainContext.Address.SiloAddress!.ToParsableString();

    // A conversation of which something is being written stays: two requests of one are answered by one member.
    private async ValueTask<bool> SendsOnAsync(ConversationRequest request)
    {
        if (_held.Service is not ModelService service || request.Need.Fingerprint != _held.Fingerprint)
            return true;
        if (_answers.Count > 0)
            return false;
        if (_member.IsDraining || _leaves)
            return true;
        ServiceState state = service.State;
        bool waits = state.IsFull || request.Need.Bytes > state.CacheLimit - state.CacheBytes + state.PrefixBytes;
        if (!waits || request.Sent >= MostSent)
            return false;
        IReadOnlyList<MemberCandidate> others = [.. (await _seen.ReadAsync(_held.Fingerprint)).Where(member => member.Address != Here)];
        if (!others.Any(other => other.Fits(request.Need.Bytes)))
            return false;
        return request.Need.Bytes > state.CacheLimit || state.Waiting >= service.Options.QueueLength
            || _store.State.Length <= Math.Max(1, state.Waiting) * TokensPerWaiting;
    }
}
