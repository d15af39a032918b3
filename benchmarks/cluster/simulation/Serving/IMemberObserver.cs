namespace MoA.Cluster.Simulation.Serving;

/// <summary>Who hears what becomes of a member's requests.</summary>
internal interface IMemberObserver
{
    /// <summary>A request begins on its caches.</summary>
    /// <param name="turn">The request.</param>
    /// <param name="held">Tokens that it finds there and does not read.</param>
    /// <param name="now">When.</param>
    void Began(Turn turn, int held, double now);

    /// <summary>The prompt is read and the first token is there.</summary>
    void FirstToken(Turn turn, double now);

    /// <summary>The answer is whole.</summary>
    void Ended(Turn turn, double now);

    /// <summary>The request waited too long.</summary>
    void GaveUp(Turn turn, double now);
}
