namespace MoA.Cluster.Simulation.Events;

/// <summary>
/// Random numbers by a seed (SplitMix64). Each conversation draws from its own, so that it says the same under every placement.
/// </summary>
internal struct Randomness(ulong seed, ulong stream)
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    private ulong _state = Mix(seed + Gamma * (2 * stream + 1));

    /// <summary>A number of 64 bits.</summary>
    public ulong Next() => Mix(_state += Gamma);

    /// <summary>A number in (0, 1).</summary>
    public double Uniform() => ((Next() >> 12) + 0.5) / (1L << 52);

    /// <summary>A whole number from 0 up to below a bound.</summary>
    public int Below(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>Mixes the bits of a number.</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
