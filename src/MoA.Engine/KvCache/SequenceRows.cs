using MoA.Engine.Attention;

namespace MoA.Engine.KvCache;

/// <summary>The key and value rows of all heads of one sequence, in the memory of one device.</summary>
internal abstract class SequenceRows : IDisposable
{
    /// <summary>Where tokens stand: layer by layer, one for each KV head.</summary>
    public abstract ReadOnlySpan<HeadRing> Heads { get; }

    /// <summary>Bytes of all rows.</summary>
    public abstract long Bytes { get; }

    /// <summary>Makes room for more rows and moves those held so far to their new places.</summary>
    /// <param name="layouts">The new layout of each head; one with no more rows than now is ignored.</param>
    /// <param name="length">Tokens written so far.</param>
    public abstract void Grow(ReadOnlySpan<HeadLayout> layouts, int length);

    /// <summary>Writes random rows for as many tokens, each that stays at its true position: uniform, mean 0, standard deviation 1.</summary>
    public abstract void FillRandom(int length, ulong seed);

    /// <inheritdoc/>
    public abstract void Dispose();
}
