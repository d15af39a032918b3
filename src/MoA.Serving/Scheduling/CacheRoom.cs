using MoA.Engine.Attention;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;

namespace MoA.Serving.Scheduling;

/// <summary>
/// The memory of all KV caches, which is never exceeded: caches are counted by the exact bytes that the policy's rules give, before they are made. Only the
/// scheduler's thread changes it; others may read the numbers.
/// </summary>
internal sealed class CacheRoom(LanguageModel model, ServiceOptions options, long limit)
{
    private long _reserved;
    private long _peak;

    /// <summary>Bytes that may be used.</summary>
    public long Limit => limit;

    /// <summary>Bytes that are counted now.</summary>
    public long Bytes => Interlocked.Read(ref _reserved);

    /// <summary>The most bytes that were counted.</summary>
    public long PeakBytes => Interlocked.Read(ref _peak);

    /// <summary>Bytes of caches for a sequence of a length.</summary>
    public long BytesFor(int capacity) => SequenceCache.EstimateBytes(model.Config, options.Policy, capacity, options.CacheType);

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

    /// <summary>Caches for a request, or null if it has to wait for room.</summary>
    public CacheLease? Take(ServedRun run)
    {
        long bytes = BytesFor(run.Capacity);
        if (bytes > limit - Bytes)
            return null;
        SequenceCache caches = model.Transformer.CreateSequence(options.Policy, run.Capacity, options.CacheType);
        Count(bytes);
        return new CacheLease(caches, Held: 0, bytes, ReadAgain: null);
    }

    /// <summary>Takes caches back that nobody goes on from.</summary>
    public void Return(CacheLease lease)
    {
        lease.Caches.Dispose();
        Count(-lease.ReservedBytes);
    }

    /// <summary>Takes the caches of a run that has ended.</summary>
    public void Keep(ServedRun run) => Return(run.Lease!);

    /// <summary>Bytes of a run's caches as a share of what dense attention would hold.</summary>
    public double Density(ServedRun run)
    {
        long dense = SequenceCache.EstimateBytes(model.Config, new DensePolicy(), run.Capacity, options.CacheType);
        return Math.Min(1, (double)run.Lease!.ReservedBytes / dense);
    }

    private void Count(long bytes)
    {
        long now = Interlocked.Add(ref _reserved, bytes);
        if (now > _peak)
            Interlocked.Exchange(ref _peak, now);
    }
}
