using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using MoA.Engine.Kernels;
using MoA.Serving;

namespace MoA.Cluster.Conversations;

/// <summary>The conversations that this member holds, and the service that answers them.</summary>
internal sealed class HeldConversations : IMemberPart, IAsyncDisposable
{
    private const int MostPrefixes = 64;

    private readonly ConcurrentDictionary<IConversationGrain, bool> _conversations = [];
    private readonly LinkedList<ulong> _prefixes = [];
    private readonly HashSet<string> _refused = [];
    private readonly Lock _gate = new();
    private readonly MemberOptions _options;
    private readonly Func<OfferedModel, ModelService>? _open;
    private (ModelService Service, string Fingerprint)? _served;
    private Task _opening = Task.CompletedTask;
    private int _running;

    private HeldConversations(MemberOptions options, ModelService? service, Func<OfferedModel, ModelService>? open)
    {
        (_options, _open) = (options, open);
        if (service is not null)
            _served = (service, ServiceFingerprint.Of(service));
    }

    /// <summary>What runs the model here; null before it is opened.</summary>
    public ModelService? Service => _served?.Service;

    /// <summary>The model as it is served here; empty before it is opened.</summary>
    public string Fingerprint => _served?.Fingerprint ?? "";

    /// <summary>What people call the member.</summary>
    public string Name => _options.Name;

    /// <summary>Told what an operator should know.</summary>
    public Action<string> Note => _options.Note;

    /// <summary>Lets a member hold conversations of a model.</summary>
    /// <param name="services">The member's.</param>
    /// <param name="service">What answers them; stays the caller's.</param>
    public static void AddTo(IServiceCollection services, ModelService service) =>
        Add(services, provider => new HeldConversations(provider.GetRequiredService<MemberOptions>(), service, open: null));

    /// <summary>Lets a member hold conversations of the first model that a server offers.</summary>
    /// <param name="services">The member's.</param>
    /// <param name="open">Opens it.</param>
    public static void AddTo(IServiceCollection services, Func<OfferedModel, ModelService> open) =>
        Add(services, provider => new HeldConversations(provider.GetRequiredService<MemberOptions>(), service: null, open));

    /// <inheritdoc/>
    public MemberReport AddTo(MemberReport report)
    {
        ulong[] prefixes;
        lock (_gate)
        {
            prefixes = [.. _prefixes];
            if (_served is null)
                return report with { Conversations = new ConversationCounts { TakesOffers = _open is not null && _opening.IsCompleted, Refused = [.. _refused] } };
        }

        (ModelService service, string fingerprint) = _served.Value;
        ServiceState state = service.State;
        ComputeBackend backend = service.Model.Transformer.Backend;
        return report with
        {
            // A member of searches has said so already.
            Arithmetic = report.Arithmetic.Length > 0 ? report.Arithmetic : backend.Arithmetic,
            Threads = report.Arithmetic.Length > 0 ? report.Threads : backend.Threads,
            Models = [.. report.Models, new MemberModel(service.Name, fingerprint, service.Model.WeightBytes)],
            Conversations = new ConversationCounts
            {
                Held = _conversations.Count,
                Running = state.Running,
                Waiting = state.Waiting,
                IsFull = state.IsFull,
                CacheBytes = state.CacheBytes,
                CacheLimit = state.CacheLimit,
                KeptBytes = state.PrefixBytes,
                Fingerprint = fingerprint,
                Prefixes = prefixes,
            },
        };
    }

    /// <summary>Opens a model, unless there is one already.</summary>
    public void Offer(OfferedModel model)
    {
        lock (_gate)
        {
            if (_open is not null && _served is null && _opening.IsCompleted && !_refused.Contains(model.Fingerprint))
                _opening = Task.Run(() => OpenAsync(model));
        }
    }

    /// <summary>A conversation lives here.</summary>
    public void Add(IConversationGrain conversation) => _conversations[conversation] = true;

    /// <summary>A conversation lives here no longer.</summary>
    public void Remove(IConversationGrain conversation) => _conversations.TryRemove(conversation, out _);

    /// <summary>An answer begins or ends.</summary>
    public void Count(int change) => Interlocked.Add(ref _running, change);

    /// <summary>Beginnings are read here.</summary>
    public void NotePrefixes(IReadOnlyList<ulong> prefixes)
    {
        lock (_gate)
        {
            foreach (ulong prefix in prefixes)
            {
                _ = _prefixes.Remove(prefix);
                _ = _prefixes.AddFirst(prefix);
            }

            while (_prefixes.Count > MostPrefixes)
                _prefixes.RemoveLast();
        }
    }

    /// <inheritdoc/>
    // Those that nobody waits for go at once, the others when their answers have ended.
    public async Task LeaveAsync(CancellationToken cancellation)
    {
        await Task.WhenAll(_conversations.Keys.Select(static conversation => conversation.Leave()))
            .WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (Volatile.Read(ref _running) > 0 && !cancellation.IsCancellationRequested)
            await Task.Delay(50, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    // A service that was given stays the giver's.
    public async ValueTask DisposeAsync()
    {
        await _opening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_open is not null && _served is (ModelService service, _))
            await service.DisposeAsync().ConfigureAwait(false);
    }

    private static void Add(IServiceCollection services, Func<IServiceProvider, HeldConversations> make)
    {
        _ = services.AddSingleton(make);
        _ = services.AddSingleton<IMemberPart>(static provider => provider.GetRequiredService<HeldConversations>());
    }

    private async Task OpenAsync(OfferedModel model)
    {
        string problem;
        try
        {
            ModelService service = _open!(model);
            string found = ServiceFingerprint.Of(service);
            if (found == model.Fingerprint)
            {
                lock (_gate)
                    _served = (service, found);
                Note($"holds conversations of {service.Name}");
                return;
            }

            await service.DisposeAsync().ConfigureAwait(false);
            problem = $"it is another one here ({found} rather than {model.Fingerprint})";
        }
        catch (Exception failure)
        {
            problem = failure.Message;
        }

        lock (_gate)
            _ = _refused.Add(model.Fingerprint);
        Note($"holds no conversations of {model.Model}: {problem}");
    }
}
