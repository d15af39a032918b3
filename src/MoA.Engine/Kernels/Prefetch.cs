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
    private const int LineBytes = 64;

    /// <summary>Asks for <paramref name="bytes"/> (a constant, at most four lines) at <paramref name="done"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Step(nint done, int bytes)
    {
        byte* line = (byte*)Address + (done >> Share);
        Memory.Prefetch(line);
        if (bytes > LineBytes)
            Memory.Prefetch(line + LineBytes);
        if (bytes > 2 * LineBytes)
            Memory.Prefetch(line + 2 * LineBytes);
        if (bytes > 3 * LineBytes)
            Memory.Prefetch(line + 3 * LineBytes);
    }
}
