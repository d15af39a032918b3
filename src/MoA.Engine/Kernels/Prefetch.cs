using System.Runtime.CompilerServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>
/// Memory that a tile asks for while it computes, so that it has arrived when its turn comes. Tiles that share the time
/// share the memory: each asks for its part, a step further with every piece of its own work.
/// </summary>
/// <param name="Address">Where this tile's part begins.</param>
/// <param name="Share">Power of two by which this tile's steps are smaller than its own work's.</param>
internal readonly unsafe record struct Prefetch(nint Address, int Share)
{
    /// <summary>Asks for <paramref name="bytes"/> (a constant, at most four lines) at <paramref name="done"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(nint done, int bytes)
    {
        // Written out: a loop is not unrolled where this is inlined, and takes registers that the sums need.
        byte* line = (byte*)Address + (done >> Share);
        Memory.Prefetch(line);
        if (bytes > Memory.LineBytes)
            Memory.Prefetch(line + Memory.LineBytes);
        if (bytes > 2 * Memory.LineBytes)
            Memory.Prefetch(line + 2 * Memory.LineBytes);
        if (bytes > 3 * Memory.LineBytes)
            Memory.Prefetch(line + 3 * Memory.LineBytes);
    }
}
