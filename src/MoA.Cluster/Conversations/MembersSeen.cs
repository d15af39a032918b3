using System.Collections.Concurrent;
using System.Diagnostics;
using MoA.Cluster.Members;
using Orleans.Runtime;

namespace MoA.Cluster.Conversations;

/// <summary>
/// The members as they said lately that they are. They are asked once a second while somebody wants to know, and not at all otherwise; a member that is silent is
/// not chosen.
/// </summary>
internal sealed class MembersSeen(IGrainFactory grains, IClusterMembershipService membership)
{
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(1), Oldest = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<SiloAddress, (MemberReport Report, long Asked)> _reports = [];
    private readonly ConcurrentQueue<(string Address, long Bytes, long Time)> _given = [];
    private readonly Lock _gate = new();
    private Task _asking = Task.CompletedTask;
    private long _asked = -1;

    /// <summary>Members that can be given conversations of a model.</summary>
    public async ValueTask<IReadOnlyList<MemberCandidate>> ReadAsync(string fingerprint)
    {
        Task asking = Ask();
        if (Fresh().All(report => report.Conversations.Fingerprint != fingerprint))
            await asking;
        while (_given.TryPeek(out (string Address, long Bytes, long Time) oldest) && Stopwatch.GetElapsedTime(oldest.Time) > Oldest)
            _ = _given.TryDequeue(out _);
        return [.. Fresh().Where(report => report.Conversations.Fingerprint == fingerprint && !report.IsDraining).Select(Candidate)];
    }

    /// <summary>Offers a model to all members that take offers, those that join later too.</summary>
    public async Task OfferAsync(OfferedModel model, CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            await Ask();
            foreach (MemberReport report in Fresh().Where(report => report.Conversations.TakesOffers && !report.IsDraining && !report.Conversations.Refused.Contains(model.Fingerprint)))
            {
                _ = grains.GetGrain<IHolderGrain>(report.Address).Offer(model).ContinueWith(
                    static failed => failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            }

            await Task.Delay(Age, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>A member was given a conversation; its next report will tell.</summary>
    public void NoteGiven(string address, long bytes) => _given.Enqueue((address, bytes, Stopwatch.GetTimestamp()));

    private IEnumerable<MemberReport> Fresh() => Members()
        .Where(silo => _reports.TryGetValue(silo, out (MemberReport Report, long Asked) seen) && Stopwatch.GetElapsedTime(seen.Asked) < Oldest)
        .Select(silo => _reports[silo].Report);

    private IEnumerable<SiloAddress> Members() => membership.CurrentSnapshot.Members.Values
        .Where(static member => member.Status == SiloStatus.Active).Select(static member => member.SiloAddress);

    private MemberCandidate Candidate(MemberReport report)
    {
        ConversationCounts counts = report.Conversations;
        long asked = _reports[SiloAddress.FromParsableString(report.Address)].Asked;
        long[] given = [.. _given.Where(given => given.Address == report.Address && given.Time > asked).Select(static given => given.Bytes)];
        return new MemberCandidate(
            report.Address, counts.CacheLimit, counts.CacheBytes + given.Sum(), counts.KeptBytes, counts.IsFull, counts.Running + counts.Waiting + given.Length,
            counts.Prefixes.ToHashSet());
    }

    private Task Ask()
    {
        lock (_gate)
        {
            if (_asking.IsCompleted && (_asked < 0 || Stopwatch.GetElapsedTime(_asked) > Age))
            {
                _asked = Stopwatch.GetTimestamp();
                _asking = Task.Run(() => Task.WhenAll(Members().Select(AskAsync)));
            }

            return _asking;
        }
    }

    private async Task AskAsync(SiloAddress silo)
    {
        RequestContext.Clear(); // what the call carries that is being placed
        try
        {
            long asked = Stopwatch.GetTimestamp();
            MemberReport report = await grains.GetGrain<IMemberGrain>(silo.ToParsableString()).Report().WaitAsync(Age);
            _reports[silo] = (report, asked);
        }
        catch (Exception failure) when (failure is MemberLostException or OrleansException or TimeoutException)
        {
            // Who is silent for long is not chosen.
        }
    }
}
