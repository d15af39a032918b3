namespace MoA.Cluster.Conversations;

/// <summary>A member that may hold a conversation.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Limit">Most bytes of its KV caches.</param>
/// <param name="Bytes">Bytes of its KV caches, kept ones included, and of what was given to it since it said so.</param>
/// <param name="KeptBytes">Those that are kept for nobody in particular and give way.</param>
/// <param name="IsFull">Whether requests wait there until others end.</param>
/// <param name="Requests">Requests that it is reading, writing or keeping waiting, and conversations that were given to it since it said so.</param>
/// <param name="Prefixes">Hashes of beginnings that it has read lately.</param>
internal sealed record MemberCandidate(string Address, long Limit, long Bytes, long KeptBytes, bool IsFull, int Requests, IReadOnlySet<ulong> Prefixes)
{
    /// <summary>Bytes that a new conversation may have: those that are free, and half of those that would have to be read again for others.</summary>
    public long Room => Limit - Bytes + (KeptBytes / 2);

    /// <summary>Whether a request begins at once.</summary>
    public bool Fits(long bytes) => !IsFull && bytes <= Limit - Bytes + KeptBytes;
}
