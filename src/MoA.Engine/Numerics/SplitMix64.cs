namespace MoA.Engine.Numerics;

/// <summary>
/// Random bits: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014). A few operations, and
/// a defined sequence for every seed on every machine and version of .NET, which <see cref="Random"/> does not promise.
/// </summary>
internal struct SplitMix64(ulong seed)
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    private ulong _state = seed;

    /// <summary>The output at a place, from 0 on, of the sequence with seed 0.</summary>
    public static ulong At(ulong place) => Mix((place + 1) * Gamma);

    /// <summary>64 random bits.</summary>
    public ulong Next() => Mix(_state += Gamma);

    /// <summary>Leaves out as many numbers.</summary>
    public void Skip(int numbers) => _state += (ulong)numbers * Gamma;

    /// <summary>Uniform over 0 ≤ value &lt; 1, in steps of 2⁻⁵³.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
