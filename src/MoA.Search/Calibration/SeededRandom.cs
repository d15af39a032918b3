using MoA.Engine.Numerics;

namespace MoA.Search.Calibration;

/// <summary>Choices from <see cref="SplitMix64"/>: documents must be the same on every machine and every version of .NET.</summary>
internal sealed class SeededRandom(ulong seed)
{
    private SplitMix64 _bits = new(seed);

    /// <summary>A seed of its own for every sequence of numbers, so that documents of one set do not hang on each other.</summary>
    public static ulong Derive(ulong seed, params ReadOnlySpan<ulong> parts)
    {
        ulong derived = new SplitMix64(seed).Next();
        foreach (ulong part in parts)
            derived = new SplitMix64(derived ^ part).Next();

        return derived;
    }

    public ulong NextBits() => _bits.Next();

    /// <summary>Uniform over 0 ≤ value &lt; <paramref name="bound"/>; the bias of the multiplication is below 2⁻³².</summary>
    public int Next(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bound);
        return (int)Math.BigMul(NextBits(), (ulong)bound, out _);
    }

    /// <summary>Uniform over 0 ≤ value &lt; 1, in steps of 2⁻⁵³.</summary>
    public double NextDouble() => _bits.NextDouble();

    public T Pick<T>(IReadOnlyList<T> choices) => choices[Next(choices.Count)];

    public void Shuffle<T>(Span<T> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            int j = Next(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }
}
