namespace MoA.Cluster.Simulation.Serving;

/// <summary>Caches that somebody may go on from: those of a conversation, or of a system prompt alone.</summary>
/// <param name="owner">The conversation; null for a system prompt.</param>
/// <param name="system">The system prompt.</param>
/// <param name="tokens">Tokens that they hold.</param>
/// <param name="bytes">Bytes that they take.</param>
/// <param name="isPacked">Whether they have no room for more, so that whoever goes on needs a copy.</param>
internal sealed class KeptCaches(Conversation? owner, int system, int tokens, long bytes, bool isPacked)
{
    public Conversation? Owner { get; } = owner;

    public int System { get; } = system;

    public int Tokens { get; } = tokens;

    public long Bytes { get; } = bytes;

    public bool IsPacked { get; } = isPacked;

    /// <summary>The one that was used before it, and the one that was used after it.</summary>
    public KeptCaches? Older { get; set; }

    /// <inheritdoc cref="Older"/>
    public KeptCaches? Newer { get; set; }
}
