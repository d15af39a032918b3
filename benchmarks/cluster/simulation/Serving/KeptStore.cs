namespace MoA.Cluster.Simulation.Serving;

/// <summary>What a member keeps beside what it works on, the least recently used given up first; as MoA.Serving's prefix store does.</summary>
internal sealed class KeptStore
{
    private readonly Dictionary<int, KeptCaches> _systems = [];
    private KeptCaches? _oldest;
    private KeptCaches? _newest;

    /// <summary>Bytes of all.</summary>
    public long Bytes { get; private set; }

    /// <summary>How many there are.</summary>
    public int Count { get; private set; }

    /// <summary>Is told of system prompts that are there now, or are no more.</summary>
    public Action<int, bool>? OnSystem { get; set; }

    /// <summary>The kept caches of a system prompt, if they are there; they count as used then.</summary>
    public KeptCaches? UseSystem(int system)
    {
        if (!_systems.TryGetValue(system, out KeptCaches? kept))
            return null;
        Unlink(kept);
        Link(kept);
        return kept;
    }

    /// <summary>Whether a system prompt's caches are there.</summary>
    public bool HasSystem(int system) => _systems.ContainsKey(system);

    /// <summary>Keeps caches; for a conversation in place of those that it had.</summary>
    public void Add(KeptCaches kept)
    {
        if (kept.Owner is Conversation owner)
        {
            if (owner.Kept is not null)
                Remove(owner.Kept);
            owner.Kept = kept;
        }
        else
        {
            _systems.Add(kept.System, kept);
            OnSystem?.Invoke(kept.System, true);
        }

        Link(kept);
        Bytes += kept.Bytes;
        Count++;
    }

    /// <summary>Takes caches out.</summary>
    public void Remove(KeptCaches kept)
    {
        Unlink(kept);
        Bytes -= kept.Bytes;
        Count--;
        if (kept.Owner is Conversation owner)
        {
            owner.Kept = null;
        }
        else
        {
            _ = _systems.Remove(kept.System);
            OnSystem?.Invoke(kept.System, false);
        }
    }

    /// <summary>Gives up the least recently used until so many bytes are free; none where that cannot be reached.</summary>
    public bool TryFree(long bytes, KeptCaches? spared)
    {
        if (bytes <= 0)
            return true;
        if (Bytes - (spared?.Bytes ?? 0) < bytes)
            return false;
        for (KeptCaches? next, kept = _oldest; bytes > 0; kept = next)
        {
            next = kept!.Newer;
            if (kept == spared)
                continue;
            bytes -= kept.Bytes;
            Remove(kept);
        }

        return true;
    }

    /// <summary>Gives up everything.</summary>
    public void Clear()
    {
        while (_oldest is not null)
            Remove(_oldest);
    }

    private void Link(KeptCaches kept)
    {
        (kept.Older, kept.Newer) = (_newest, null);
        if (_newest is null)
            _oldest = kept;
        else
            _newest.Newer = kept;
        _newest = kept;
    }

    private void Unlink(KeptCaches kept)
    {
        if (kept.Older is null)
            _oldest = kept.Newer;
        else
            kept.Older.Newer = kept.Newer;
        if (kept.Newer is null)
            _newest = kept.Older;
        else
            kept.Newer.Older = kept.Older;
        kept.Older = kept.Newer = null;
    }
}
