using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Serving.Prefixes;

namespace MoA.Serving.Scheduling;

/// <summary>
/// The memory of all KV caches, which is never exceeded: caches are counted by the exact bytes that the policy's rules give, before they are made. Only the
/// scheduler's thread changes it; others may read the numbers.
/// </summary>
internal sealed class CacheRoom(LanguageModel model, ServiceOptions options, long limit) : IDisposable
{
    // Less is read as quickly as it is copied, and nobody waits for it.
    private const int WorthWaiting = 128;

    private readonly PrefixStore _prefixes = new();
    private long _reserved;
    private long _peak;

    /// <summary>Bytes that may be used.</summary>
    public long Limit => limit;

    /// <summary>Bytes that are counted now.</summary>
    public long Bytes => Interlocked.Read(ref _reserved) + _prefixes.Bytes;

    /// <summary>The most bytes that were counted.</summary>
    public long PeakBytes => Interlocked.Read(ref _peak);

    /// <summary>Kept prefixes and their bytes.</summary>
    public (int Count, long Bytes) Kept => (_prefixes.Count, _prefixes.Bytes);

    private long Free => limit - Bytes;

    /// <summary>Bytes of caches for a sequence of a length, at the most that they ever are.</summary>
    public long BytesFor(int capacity) => SequenceCache.EstimatePeakBytes(model.Config, options.Policy, capacity, options.CacheType);

    /// <summary>The longest sequence up to a length whose caches fit if nothing else is held; 0 if none does.</summary>
    public int LongestThatFits(int capacity)
    {
        int fits = 0, tooLong = capacity + 1;
        while (tooLong - fits > 1)
        {
            int middle = fits + (tooLong - fits) / 2;
            (fits, tooLong) = BytesFor(middle) <= limit ? (middle, tooLong) : (fits, middle);
        }

        return fits;
    }

    /// <summary>Caches for a request, or null if it has to wait.</summary>
    /// <param name="run">The request.</param>
    /// <param name="active">Those that have begun.</param>
    /// <param name="forOther">Whether it waits for another one that is just reading the same text, rather than for room.</param>
    public CacheLease? Take(ServedRun run, IReadOnlyList<ServedRun> active, out bool forOther)
    {
        forOther = false;
        if (!options.KeepPrefixes || !run.Request.KeepsPrefix)
            return MakeNew(run);
        (ServedRun? other, int shared) = FindActive(run, active);
        (KeptPrefix? prefix, int held) = _prefixes.Find(run.Prompt, run.Capacity, least: shared);
        if (prefix is null && other is null)
            return MakeNew(run);
        if (prefix is null)
        {
            forOther = other!.Lease!.Caches.Length < shared;
            return forOther ? null : CopyActive(run, other, shared);
        }

        return held == prefix.Tokens.Length && prefix.IsLive
            ? TakeOver(run, prefix, held)
            : Copy(run, prefix, held, alone: active.Count == 0);
    }

    /// <summary>A step has gone through: what a later request may go on from, and what will be overwritten, is kept where there is room.</summary>
    public void Mark(ServedRun run)
    {
        SequenceCache caches = run.Lease!.Caches;
        if (!options.KeepPrefixes || !run.Request.KeepsPrefix || !run.IsAtLandmark || !WillTurn(caches))
            return;
        if (!caches.CanRewind(caches.Length))
            return; // a policy that goes by attention
        long bytes = caches.SnapshotBytes();
        if (bytes <= Free || _prefixes.TryFree(bytes - Free))
            Keep(new KeptPrefix(run.Prompt[..caches.Length], caches.TakeSnapshot()));
    }

    /// <summary>Takes caches back that nobody goes on from.</summary>
    public void Return(CacheLease lease)
    {
        lease.Caches.Dispose();
        Count(-lease.ReservedBytes);
    }

    /// <summary>Takes the caches of a run that has ended, and keeps them.</summary>
    public void Keep(ServedRun run)
    {
        CacheLease lease = run.Lease!;
        SequenceCache caches = lease.Caches;
        if (!options.KeepPrefixes || !run.Request.KeepsPrefix || caches.IsCutOff || caches.Length == 0)
        {
            Return(lease);
            return;
        }

        // The last token was drawn but never read.
        int[] tokens = [.. run.Prompt, .. run.Run!.Output];
        tokens = tokens[..caches.Length];
        Count(-lease.ReservedBytes);
        KeptPrefix? packed = null;
        if (caches.CanRewind(caches.Length) && caches.SnapshotBytes() is long bytes && bytes < caches.Bytes / 4 * 3 && bytes <= Free - caches.Bytes)
        {
            packed = new KeptPrefix(tokens, caches.TakeSnapshot());
            NotePeak(caches.Bytes + bytes);
            caches.Dispose();
        }

        Keep(packed ?? new KeptPrefix(tokens, caches, model.Config));
    }

    /// <summary>Bytes of a run's caches as a share of what dense attention would hold.</summary>
    public double Density(ServedRun run) =>
        Math.Min(1, (double)SequenceCache.EstimateBytes(model.Config, options.Policy, run.Capacity, options.CacheType) /
            SequenceCache.EstimateBytes(model.Config, new DensePolicy(), run.Capacity, options.CacheType));

    public void Dispose() => _prefixes.Dispose();

    // Another request that has read much of the prompt, or is about to, so that its caches can be copied there.
    private (ServedRun? Run, int Shared) FindActive(ServedRun run, IReadOnlyList<ServedRun> active)
    {
        (ServedRun? Run, int Shared) best = (null, 0);
        foreach (ServedRun other in active)
        {
            SequenceCache caches = other.Lease!.Caches;
            int shared = PrefixStore.Shared(other.Prompt, run.Prompt);
            if (caches.Length < shared && WillTurn(caches))
                shared = other.Request.Landmarks.LastOrDefault(landmark => landmark <= shared); // kept there
            if (shared >= WorthWaiting && shared > best.Shared && model.Config.TurnsAlike(caches.Capacity, run.Capacity)
                && (caches.Length < shared || caches.CanRewind(shared)))
                best = (other, shared);
        }

        return best;
    }

    // Whether rows will be overwritten before the sequence is full.
    private static bool WillTurn(SequenceCache caches) => !caches.CanDrop(caches.Capacity - caches.Length);

    private CacheLease? MakeNew(ServedRun run)
    {
        long bytes = BytesFor(run.Capacity);
        if (!MakeRoom(bytes, spared: null))
            return null;
        string? why = _prefixes.WhyReadAgain(run.Prompt, run.Capacity, held: 0);
        return Lease(model.Transformer.CreateSequence(options.Policy, run.Capacity, options.CacheType), 0, bytes, why);
    }

    private CacheLease? CopyActive(ServedRun run, ServedRun other, int held)
    {
        long bytes = other.Lease!.Caches.ForkBytes(run.Capacity, held);
        return MakeRoom(bytes, spared: null) ? Lease(other.Lease.Caches.Fork(run.Capacity, held), held, bytes, null) : null;
    }

    private CacheLease? Copy(ServedRun run, KeptPrefix prefix, int held, bool alone)
    {
        long bytes = prefix.CopyBytes(held, run.Capacity);
        if (MakeRoom(bytes, spared: prefix))
        {
            string? why = _prefixes.WhyReadAgain(run.Prompt, run.Capacity, held);
            return Lease(prefix.Copy(held, run.Capacity), held, bytes, why);
        }

        if (!alone)
            return null; // there will be room beside it when others have ended
        if (prefix.IsLive)
            return TakeOver(run, prefix, held);
        _prefixes.GiveUp(prefix);
        return MakeNew(run);
    }

    // The usual next turn: nobody else has a use for the caches as they stand.
    private CacheLease? TakeOver(ServedRun run, KeptPrefix prefix, int held)
    {
        (long peak, long bytes) = prefix.TakeOverBytes(run.Capacity);
        if (!MakeRoom(peak - prefix.Bytes, spared: prefix))
            return null;
        NotePeak(peak - prefix.Bytes);
        SequenceCache caches = _prefixes.Remove(prefix).TakeOver(held, run.Capacity);
        return Lease(caches, held, bytes, null);
    }

    private bool MakeRoom(long bytes, KeptPrefix? spared) => bytes <= Free || _prefixes.TryFree(bytes - Free, spared);

    private CacheLease Lease(SequenceCache caches, int held, long bytes, string? readAgain)
    {
        Count(bytes);
        return new CacheLease(caches, held, bytes, readAgain);
    }

    private void Keep(KeptPrefix prefix)
    {
        _prefixes.Add(prefix);
        NotePeak(0);
    }

    private void Count(long bytes)
    {
        _ = Interlocked.Add(ref _reserved, bytes);
        NotePeak(0);
    }

    private void NotePeak(long beside)
    {
        if (Bytes + beside > _peak)
            _ = Interlocked.Exchange(ref _peak, Bytes + beside);
    }
}
