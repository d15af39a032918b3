using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.KvCache;

namespace MoA.Serving.Prefixes;

/// <summary>The caches of a text that somebody may go on from: as they stood when its run ended, or packed.</summary>
internal sealed class KeptPrefix : IDisposable
{
    private readonly ModelConfig? _config;
    private readonly CacheSnapshot? _packed;
    private SequenceCache? _live;
    private volatile bool _isBusy;

    /// <summary>Keeps caches as they are.</summary>
    public KeptPrefix(int[] tokens, SequenceCache live, ModelConfig config) => (Tokens, _live, _config, Bytes) = (tokens, live, config, live.Bytes);

    /// <summary>Keeps caches without room for more.</summary>
    public KeptPrefix(int[] tokens, CacheSnapshot packed) => (Tokens, _packed, Bytes) = (tokens, packed, packed.Bytes);

    /// <summary>The tokens that the caches hold.</summary>
    public int[] Tokens { get; }

    /// <summary>The capacity of the caches.</summary>
    public int Capacity => _live?.Capacity ?? _packed!.Capacity;

    /// <summary>Bytes of the caches.</summary>
    public long Bytes { get; }

    /// <summary>When it was last of use, on the store's clock.</summary>
    public long LastUse { get; set; }

    /// <summary>Whether it is being written to a file, so that it cannot be given up.</summary>
    public bool IsBusy
    {
        get => _isBusy;
        set => _isBusy = value;
    }

    /// <summary>Whether the caches themselves can go on, at the cost that nobody else can then go on from here.</summary>
    public bool IsLive => _live is not null;

    /// <summary>Whether caches can go on after its first tokens: nothing was evicted since, and angles are the same.</summary>
    public bool CanGoOn(int length, int capacity) => _live is not null
        ? (length == Tokens.Length || _live.CanRewind(length)) && _config!.TurnsAlike(_live.Capacity, Math.Max(_live.Capacity, capacity))
        : _packed!.CanRestore(capacity, length);

    /// <summary>The most of the first tokens that it goes back to for a text that shares so many of them: a prefill policy may have read the others otherwise.</summary>
    public int Landing(int length) => _live?.Landing(length) ?? _packed!.Landing(length);

    /// <summary>Whether rows that somebody needs who goes on after fewer tokens are there no more.</summary>
    public bool CanRewind(int length) => _live?.CanRewind(length) ?? _packed!.CanRestore(Math.Max(_packed.Capacity, length), length);

    /// <summary>Bytes of a copy that goes on after its first tokens.</summary>
    public long CopyBytes(int length, int capacity) => _live?.ForkBytes(capacity, length) ?? _packed!.RestoreBytes(capacity, length);

    /// <summary>A copy that goes on after its first tokens.</summary>
    public SequenceCache Copy(int length, int capacity) => _live?.Fork(capacity, length) ?? _packed!.Restore(capacity, length);

    /// <summary>The most bytes that there are while the caches themselves are made ready to go on, and those afterwards.</summary>
    public (long Peak, long Bytes) TakeOverBytes(int capacity) => (_live!.ExtendPeakBytes(capacity), _live.ExtendedBytes(capacity));

    /// <summary>The caches themselves, made ready to go on; this is empty then.</summary>
    public SequenceCache TakeOver(int length, int capacity)
    {
        SequenceCache live = _live!;
        live.Rewind(length);
        live.Extend(capacity);
        _live = null;
        return live;
    }

    /// <summary>Writes the packed caches to a file.</summary>
    public void Save(SessionFiles files, string path) => files.Save(path, _packed!, Tokens);

    public void Dispose()
    {
        _live?.Dispose();
        _packed?.Dispose();
    }
}
