using MoA.Gpu.Kernels;

namespace MoA.Gpu.Caches;

/// <summary>
/// A format of cached rows, as lanes read and write them: each takes sixteen numbers of a head, in two octets that stand where
/// neighbouring lanes read neighbouring quads.
/// </summary>
internal interface ICacheFormat
{
    /// <summary>Quads of a block.</summary>
    static abstract long QuadsOf(int rows, int headSize);

    /// <summary>The octet of a head that is a lane's first.</summary>
    static abstract int First(int lane);

    /// <summary>The octet of a head that is a lane's second.</summary>
    static abstract int Second(int lane, int headSize);

    /// <summary>Reads a lane's share of a row.</summary>
    /// <param name="memory">The memory.</param>
    /// <param name="block">The head's block.</param>
    /// <param name="values">0 for the key, 1 for the value.</param>
    /// <param name="slot">The row.</param>
    /// <param name="lane">Which share, below headSize/16.</param>
    static abstract Sixteen Read(CacheMemory memory, CacheBlock block, int values, int slot, int lane);

    /// <summary>Writes a lane's share of a row, where <paramref name="store"/>; all lanes of the warp must call.</summary>
    static abstract void Write(CacheMemory memory, CacheBlock block, int values, int slot, int lane, Sixteen numbers, bool store);

    /// <summary>What would be read after writing; all lanes of the warp must call.</summary>
    static abstract Sixteen Round(Sixteen numbers);
}
