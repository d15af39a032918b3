using System.Collections.Concurrent;
using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;
using MoA.Serving.Prefixes;

namespace MoA.Serving.Scheduling;

/// <summary>
/// The memory of all KV caches, which is never exceeded: caches are counted by the exact bytes that the policy's rules give, before they are made. Only the
/// scheduler's thread changes it; others may read the numbers.
/// </summary>
internal sealed class CacheRoom(LanguageModel model, ServiceOptions options, long limit, SessionStore? sessions) : IDisposable
{
    // Less is read as quickly as it is copied, and nobody waits for it.
    private const int WorthWaiting = 128;

    private readonly PrefixStore _prefixes = new();
    private readonly ConcurrentQueue<(SavedPrefix Saved, CacheSnapshot? Snapshot)> _loaded = [];
    private readonly HashSet<SavedPrefix> _loading = [];
    private long _reserved;
    private long _peak;

    /// <summary>Bytes that may be used.</summary>
    public long Limit => limit;

    /// <summary>Bytes that are counted now.</summary>
    public long Bytes => Interlocked.Read(ref _reserved) + _prefixes.Bytes;

    /// <summary>The most bytes that were counted.</summary>
    public long PeakBytes => Interlocked.Read(ref _peak);

    /// <summary>Is told when a file has been read or written; called on another thread.</summary>
    public Action? OnFile { get; set; }

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
        if (!options.KeepPrefixes || !run.Request.KeepsPrefix || run.Request.PromptLogProbabilities is not null)
            return MakeNew(run, readAgain: null);
        TakeLoaded();
        (ServedRun? other, int shared) = FindActive(run, active);
        (KeptPrefix? prefix, int held) = _prefixes.Find(run.Prompt, run.Capacity, least: shared);
        if (Loads(run, held, out forOther))
            return null;
        if (prefix is null && other is null)
            return MakeNew(run, _prefixes.WhyReadAgain(run.Prompt, run.Capacity, held: 0));
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
        if ((bytes <= Free || _prefixes.TryFree(bytes - Free)) && TrySnapshot(caches) is CacheSnapshot snapshot)
            Keep(new KeptPrefix(run.Prompt[..caches.Length], snapshot));
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
        KeptPrefix? packed = Pack(caches, tokens);
        Keep(packed ?? new KeptPrefix(tokens, caches, model.Config));
        if (packed is not null)
            sessions?.Save(packed, OnFile);
    }

    /// <summary>What a run's caches hold now: where rows are chosen, less than what is counted for them.</summary>
    public HeldCaches Held(ServedRun run)
    {
        SequenceCache caches = run.Lease!.Caches;
        long dense = SequenceCache.EstimateBytes(model.Config, new DensePolicy(), caches.Capacity, options.CacheType);
        return new HeldCaches(caches.Bytes, caches.PeakBytes, Math.Min(1, (double)caches.Bytes / dense));
    }

    public void Dispose()
    {
        sessions?.Dispose();
        TakeLoaded();
        _prefixes.Dispose();
    }

    // Another request that has read much of the prompt, or is about to, so that its caches can be copied there.
    private (ServedRun? Run, int Shared) FindActive(ServedRun run, IReadOnlyList<ServedRun> active)
    {
        (ServedRun? Run, int Shared) best = (null, 0);
        foreach (ServedRun other in active)
        {
            SequenceCache caches = other.Lease!.Caches;
            int shared = PrefixStore.Shared(other.Prompt, run.Prompt);
            if (caches.Prefill is not null)
                shared = caches.Landing(Math.Min(shared, caches.Length)); // what is to come depends on where the prompt ends
            if (caches.Length < shared && WillTurn(caches))
                shared = other.Request.Landmarks.LastOrDefault(landmark => landmark <= shared); // kept there
            if (shared >= WorthWaiting && shared > best.Shared && model.Config.TurnsAlike(caches.Capacity, run.Capacity)
                && (caches.Length < shared || caches.CanRewind(shared)))
                best = (other, shared);
        }

        return best;
    }

    // Caches that have much room to spare, or are to be saved, take less without it.
    private KeptPrefix? Pack(SequenceCache caches, int[] tokens)
    {
        if (!caches.CanRewind(caches.Length))
            return null; // a policy that goes by attention
        long bytes = caches.SnapshotBytes(), free = Free - caches.Bytes;
        if (bytes > free && !(sessions is not null && _prefixes.TryFree(bytes - free)))
            return null;
        if (bytes >= caches.Bytes / 4 * 3 && sessions is null)
            return null;
        if (TrySnapshot(caches) is not CacheSnapshot snapshot)
            return null;
        KeptPrefix packed = new(tokens, snapshot);
        NotePeak(caches.Bytes + bytes);
        caches.Dispose();
        return packed;
    }

    // The system may have less memory than the ceiling allows; nothing is lost but a shorter way.
    private static CacheSnapshot? TrySnapshot(SequenceCache caches)
    {
        try
        {
            return caches.TakeSnapshot();
        }
        catch (Exception failure) when (failure is OutOfMemoryException or Engine.InvalidInputException)
        {
            return null;
        }
    }

    // Whether a file is being read that holds more of the prompt; others may pass meanwhile.
    private bool Loads(ServedRun run, int held, out bool forOther)
    {
        forOther = false;
        if (sessions is null)
            return false;
        if (sessions.Find(run.Prompt, held + WorthWaiting, KeepsAll) is not SavedPrefix saved)
            return false;
        forOther = _loading.Contains(saved);
        if (forOther || run.HasLoaded)
            return forOther; // nobody waits for a second file: what the first one was of no use for is read
        if (!MakeRoom(saved.Bytes, spared: null))
            return saved.Bytes + BytesFor(run.Capacity) <= limit; // wait for room if there can be any
        Count(saved.Bytes);
        run.HasLoaded = true;
        _ = _loading.Add(saved);
        sessions.Load(saved, snapshot =>
        {
            _loaded.Enqueue((saved, snapshot));
            OnFile?.Invoke();
        });
        return forOther = true;
    }

    private bool KeepsAll(int capacity, int tokens) =>
        options.Policy.Resolve(model.Config, capacity).All(layer => layer.Stored.All(head => head.Rows >= tokens));

    private void TakeLoaded()
    {
        while (_loaded.TryDequeue(out (SavedPrefix Saved, CacheSnapshot? Snapshot) loaded))
        {
            _ = _loading.Remove(loaded.Saved);
            Count(-loaded.Saved.Bytes);
            if (loaded.Snapshot is CacheSnapshot snapshot)
                Keep(new KeptPrefix(loaded.Saved.Tokens, snapshot));
        }
    }

    // Whether rows will be overwritten before the sequence is full.
    private static bool WillTurn(SequenceCache caches) => !caches.CanDrop(caches.Capacity - caches.Length);

    private CacheLease? MakeNew(ServedRun run, string? readAgain)
    {
        long bytes = BytesFor(run.Capacity);
        if (!MakeRoom(bytes, spared: null))
            return null;
        return Lease(model.Transformer.CreateSequence(options.Policy, run.Capacity, options.CacheType), 0, bytes, readAgain);
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
        return MakeNew(run, _prefixes.WhyReadAgain(run.Prompt, run.Capacity, held: 0));
    }

    // The usual next turn: nobody else has a use for the caches as they stand.
    private CacheLease? TakeOver(ServedRun run, KeptPrefix prefix, int held)
    {
        (long peak, long bytes) = prefix.TakeOverBytes(run.Capacity);
        if (!MakeRoom(peak - prefix.Bytes, spared: prefix))
            return null;
        NotePeak(peak - prefix.Bytes);
        _ = _prefixes.Remove(prefix);
        try
        {
            return Lease(prefix.TakeOver(held, run.Capacity), held, bytes, null);
        }
        catch
        {
            prefix.Dispose();
            throw;
        }
    }

    private bool MakeRoom(long bytes, KeptPrefix? spared) => bytes <= Free || _prefixes.TryFree(bytes - Free, spared);

    private CacheLease Lease(SequenceCache caches, int held, long bytes, string? readAgain)
    {
        Count(bytes);
        if (readAgain is not null)
            options.Note?.Invoke($"more of a prompt is read than its last tokens: {readAgain}");
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
