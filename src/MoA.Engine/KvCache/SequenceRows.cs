namespace MoA.Engine.KvCache;

/// <summary>The key and value rows of all heads of one sequence, in the memory of one device.</summary>
internal abstract class SequenceRows : IDisposable
{
    /// <summary>Where tokens stand: layer by layer, one for each KV head.</summary>
    public abstract ReadOnlySpan<HeadRing> Heads { get; }

    /// <summary>Bytes of all rows.</summary>
    public abstract long Bytes { get; }

    /// <summary>Enlarges rings and moves the rows held so far to their new places.</summary>
    /// <param name="ringRows">The new size for each head; smaller ones than now are ignored.</param>
    /// <param name="length">Tokens written so far.</param>
    public abstract void Grow(ReadOnlySpan<int> ringRows, int length);

    /// <summary>Writes random rows for as many tokens, each that stays at its true position: uniform, mean 0, standard deviation 1.</summary>
    public abstract void FillRandom(int length, ulong seed);

    /// <inheritdoc/>
    public abstract void Dispose();
}
