namespace MoA.Serving.Prefixes;

/// <summary>
/// Prefixes that are kept as long as nobody else needs their memory, the least recently used given up first. Texts of those given up are remembered for
/// a while, to say why they are read again. The scheduler's thread alone uses it; others may read the numbers.
/// </summary>
internal sealed class PrefixStore : IDisposable
{
    private const int Remembered = 64;

    // Nearly all texts begin alike, with a token or a header: no reason to copy caches, to spare them, or to say that they were read again.
    private const int WorthCopying = 32;

    private readonly List<KeptPrefix> _prefixes = [];
    private readonly Queue<int[]> _givenUp = [];
    private long _clock;
    private long _bytes;
    private int _count;

    /// <summary>Bytes of all caches.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>How many are kept.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The prefix from which most of a prompt's tokens can be gone on.</summary>
    /// <param name="prompt">The prompt; its last token has to be read in any case.</param>
    /// <param name="capacity">Prompt and new tokens together.</param>
    /// <param name="least">Only with more tokens than these.</param>
    public (KeptPrefix? Prefix, int Length) Find(ReadOnlySpan<int> prompt, int capacity, int least = 0)
    {
        (KeptPrefix? Prefix, int Length) best = (null, least);
        foreach (KeptPrefix prefix in _prefixes)
        {
            int shared = prefix.Landing(Shared(prefix.Tokens, prompt));
            if (shared > best.Length && (shared == prefix.Tokens.Length || shared >= WorthCopying) && prefix.CanGoOn(shared, capacity))
                best = (prefix, shared);
        }

        best.Prefix?.LastUse = ++_clock;
        return best;
    }

    /// <summary>Why more of a prompt is read than has to be, though it was read before; null where it was not.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="capacity">Prompt and new tokens together.</param>
    /// <param name="held">Tokens that are not read again.</param>
    public string? WhyReadAgain(ReadOnlySpan<int> prompt, int capacity, int held)
    {
        foreach (KeptPrefix prefix in _prefixes)
        {
            int shared = prefix.Landing(Shared(prefix.Tokens, prompt));
            if (shared >= held + WorthCopying)
            {
                return prefix.CanRewind(shared)
                    ? $"the model turns texts of {capacity} tokens by other angles"
                    : $"the text parts from the kept one after {shared} of its {prefix.Tokens.Length} tokens, where rows have been evicted since";
            }
        }

        foreach (int[] tokens in _givenUp)
        {
            int shared = Shared(tokens, prompt);
            if (shared >= held + WorthCopying)
                return $"the caches of {shared} tokens were given up for others";
        }

        return null;
    }

    /// <summary>Keeps a prefix. Those of which it can do all are dropped.</summary>
    public void Add(KeptPrefix prefix)
    {
        for (int i = _prefixes.Count - 1; i >= 0; i--)
        {
            int[] tokens = _prefixes[i].Tokens;
            if (tokens.Length <= prefix.Tokens.Length && !_prefixes[i].IsBusy && prefix.Tokens.AsSpan().StartsWith(tokens) && prefix.CanRewind(tokens.Length))
                Remove(_prefixes[i]).Dispose();
        }

        prefix.LastUse = ++_clock;
        _prefixes.Add(prefix);
        Note(prefix.Bytes, 1);
    }

    /// <summary>Takes a prefix out.</summary>
    public KeptPrefix Remove(KeptPrefix prefix)
    {
        _ = _prefixes.Remove(prefix);
        Note(-prefix.Bytes, -1);
        return prefix;
    }

    /// <summary>Gives up prefixes, the least recently used first, until so many bytes are free; gives up none where that cannot be reached.</summary>
    /// <param name="bytes">Bytes to be freed.</param>
    /// <param name="spared">One that is not given up.</param>
    public bool TryFree(long bytes, KeptPrefix? spared = null)
    {
        KeptPrefix[] free = [.. _prefixes.Where(prefix => prefix != spared && !prefix.IsBusy).OrderBy(static prefix => prefix.LastUse)];
        if (free.Sum(static prefix => prefix.Bytes) < bytes)
            return false;
        for (int i = 0; bytes > 0; bytes -= free[i++].Bytes)
            GiveUp(free[i]);

        return true;
    }

    /// <summary>Gives up a prefix.</summary>
    public void GiveUp(KeptPrefix prefix)
    {
        Remove(prefix).Dispose();
        _givenUp.Enqueue(prefix.Tokens);
        if (_givenUp.Count > Remembered)
            _ = _givenUp.Dequeue();
    }

    public void Dispose()
    {
        foreach (KeptPrefix prefix in _prefixes.ToArray())
            Remove(prefix).Dispose();
    }

    /// <summary>Tokens at the beginning of a prompt that a text shares, of all but the prompt's last.</summary>
    internal static int Shared(ReadOnlySpan<int> tokens, ReadOnlySpan<int> prompt) => tokens.CommonPrefixLength(prompt[..^1]);

    private void Note(long bytes, int prefixes)
    {
        _ = Interlocked.Add(ref _bytes, bytes);
        _ = Interlocked.Add(ref _count, prefixes);
    }
}
