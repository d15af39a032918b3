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

    /// <summary>Takes over copies of the rows of other caches in the same memory.</summary>
    /// <param name="source">The rows; these hold all that is to be held here.</param>
    /// <param name="states">What is to be held here of each head, in the layouts that the heads have.</param>
    /// <param name="length">Tokens written so far.</param>
    public abstract void CopyFrom(SequenceRows source, ReadOnlySpan<RingState> states, int length);

    /// <summary>Bytes that there are at one time, at most, while <see cref="Grow"/> makes room.</summary>
    /// <param name="layouts">The new layout of each head.</param>
    public abstract long PeakOfGrowing(ReadOnlySpan<HeadLayout> layouts);

    /// <summary>Writes random rows for as many tokens, each that stays at its true position: uniform, mean 0, standard deviation 1.</summary>
    public abstract void FillRandom(int length, ulong seed);

    /// <inheritdoc/>
    public abstract void Dispose();
}
