using MoA.Cluster.Simulation.Events;

namespace MoA.Cluster.Simulation.Serving;

/// <summary>A conversation: what was said, and where its caches are.</summary>
internal sealed class Conversation(long id, int system, int systemTokens, int turns, Randomness random)
{
    private Randomness _random = random;

    /// <summary>Its number.</summary>
    public long Id { get; } = id;

    /// <summary>Which system prompt it begins with.</summary>
    public int System { get; } = system;

    /// <summary>Tokens of the system prompt.</summary>
    public int SystemTokens { get; } = systemTokens;

    /// <summary>Turns that are still to come.</summary>
    public int TurnsLeft { get; set; } = turns;

    /// <summary>Tokens that were said so far, system prompt included.</summary>
    public int Tokens { get; set; } = systemTokens;

    /// <summary>Whether any of it has been read.</summary>
    public bool HasBegun { get; set; }

    /// <summary>The member that holds it; -1 for none.</summary>
    public int Member { get; set; } = -1;

    /// <summary>Its kept caches, if its member still has them.</summary>
    public KeptCaches? Kept { get; set; }

    /// <summary>Draws of what it will say.</summary>
    public ref Randomness Random => ref _random;
}
