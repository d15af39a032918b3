using System.Runtime.CompilerServices;

namespace MoA.Engine.Numerics;

/// <summary>How inner loops are compiled.</summary>
internal static class JitOptions
{
    /// <summary>
    /// Fully optimised at the first call, and as a method of its own: within a caller, what the loop itself wants inlined
    /// could go beyond what the compiler inlines into one method.
    /// </summary>
    public const MethodImplOptions Loop = MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining;
}
