using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace MoA.Engine.Numerics;

/// <summary>Hints to the memory system.</summary>
internal static unsafe class Memory
{
    /// <summary>
    /// Asks for a cache line that is needed soon. Any address will do; nothing happens where there is no such instruction.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(void* address)
    {
        if (Sse.IsSupported)
            Sse.Prefetch0(address);
    }
}
