using ILGPU;

namespace MoA.Gpu.Kernels;

/// <summary>Random numbers that depend on a place alone (SplitMix64): any thread draws any of them.</summary>
internal static class RandomBits
{
    // Uniform numbers of standard deviation 1 lie within ±√3.
    private const float Bound = 1.7320508f;

    /// <summary>64 bits.</summary>
    public static ulong At(ulong place)
    {
        ulong z = (place + 1) * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform, mean 0, standard deviation 1.</summary>
    public static float Uniform(ulong place) => ((int)(At(place) >> 40) * (2f / (1 << 24)) - 1) * Bound;

    /// <summary>Eight such numbers.</summary>
    public static Octet Octet(ulong place) => new()
    {
        A = Uniform(place),
        B = Uniform(place + 1),
        C = Uniform(place + 2),
        D = Uniform(place + 3),
        E = Uniform(place + 4),
        F = Uniform(place + 5),
        G = Uniform(place + 6),
        H = Uniform(place + 7),
    };
}
