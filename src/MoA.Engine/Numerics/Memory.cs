using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace MoA.Engine.Numerics;

/// <summary>Hints to the memory system.</summary>
internal static unsafe class Memory
{
    /// <summary>Bytes of a cache line.</summary>
    public const int LineBytes = 64;

    /// <summary>
    /// Asks for a cache line that is needed soon. Any address will do; nothing happens where there is no such instruction.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(void* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(address);
    }

    /// <summary>Asks for all lines of some bytes, the first one's on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* start, int bytes)
    {
        for (int line = 0; line < bytes; line += LineBytes)
            Prefetch(start + line);
    }
}
