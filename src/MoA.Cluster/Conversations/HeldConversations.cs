using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using MoA.Cluster.Hosting;
using MoA.Cluster.Members;
using MoA.Serving;

namespace MoA.Cluster.Conversations;

/// <summary>The conversations that this member holds, and the service that answers them.</summary>
internal sealed class HeldConversations : IMemberPart
{
    private const int MostPrefixes = 64;

    private readonly ConcurrentDictionary<IConversationGrain, int> _running = [];
    private readonly LinkedList<ulong> _prefixes = [];
    private readonly MemberOptions _options;
    private int _count;

    public HeldConversations(ModelService service, MemberOptions options)
    {
        (Service, _options) = (service, options);
        Fingerprint = ServiceFingerprint.Of(service);
    }

    /// <summary>Lets a member hold conversations.</summary>
    /// <param name="services">The member's.</param>
    /// <param name="service">What answers them; stays the caller's.</param>
    public static void AddTo(IServiceCollection services, ModelService service)
    {
        _ = services.AddSingleton(provider => new HeldConversations(service, provider.GetRequiredService<MemberOptions>()));
        _ = services.AddSingleton<IMemberPart>(provider => provider.GetRequiredService<HeldConversations>());
    }

    /// <summary>What runs the model here.</summary>
    public ModelService Service { get; }

    /// <summary>The model as it is served here.</summary>
    public string Fingerprint { get; }

    /// <summary>What people call the member.</summary>
    public string Name => _options.Name;

    /// <summary>Told what an operator should know.</summary>
    public Action<string> Note => _options.Note;

    /// <summary>Answers that are being written, for whoever asked.</summary>
    public int Running => _count;

    /// <inheritdoc/>
    public MemberReport AddTo(MemberReport report)
    {
        ServiceState state = Service.State;
        ulong[] prefixes;
        lock (_prefixes)
            prefixes = [.. _prefixes];
        return report with
        {
            Models = [.. report.Models, new MemberModel(Service.Name, Fingerprint, Service.Model.WeightBytes)],
            Conversations = new ConversationCounts
            {
                Held = _running.Count,
                Running = state.Running,
                Waiting = state.Waiting,
                CacheBytes = state.CacheBytes,
                CacheLimit = state.CacheLimit,
                KeptBytes = state.PrefixBytes,
                Fingerprint = Fingerprint,
                Prefixes = prefixes,
            },
        };
    }

    /// <summary>A conversation lives here.</summary>
    public void Add(IConversationGrain conversation) => _running[conversation] = 0;

    /// <summary>A conversation lives here no longer.</summary>
    public void Remove(IConversationGrain conversation) => _running.TryRemove(conversation, out _);

    /// <summary>An answer begins or ends.</summary>
    public void Count(int change) => Interlocked.Add(ref _count, change);

    /// <summary>Beginnings are read here.</summary>
    public void NotePrefixes(IReadOnlyList<ulong> prefixes)
    {
        lock (_prefixes)
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

    /// <summary>Whether a request would have to wait.</summary>
    public bool IsFull(long bytes)
    {
        ServiceState state = Service.State;
        return state.Waiting > 0 || state.Running >= Service.Options.MaxSequences || bytes > state.CacheLimit - state.CacheBytes + state.PrefixBytes;
    }

    /// <inheritdoc/>
    // Those that nobody waits for go at once, the others when their answers have ended.
    public async Task LeaveAsync(CancellationToken cancellation)
    {
        await Task.WhenAll(_running.Keys.Select(static conversation => conversation.Leave())).WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (_count > 0 && !cancellation.IsCancellationRequested)
            await Task.Delay(50, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
