using System.Runtime.InteropServices;

namespace MoA.Engine.Numerics;

/// <summary>
/// Hands out aligned native memory and counts it, so that what is reported as used is what was really allocated.
/// Safe to use from several threads.
/// </summary>
public sealed class NativeAllocator
{
    private long _allocatedBytes;
    private long _peakBytes;

    /// <summary>Alignment of every buffer in bytes: one cache line, and one 512-bit vector.</summary>
    public const int Alignment = 64;

    /// <summary>Bytes allocated now.</summary>
    public long AllocatedBytes => Volatile.Read(ref _allocatedBytes);

    /// <summary>The most bytes that were allocated at one time.</summary>
    public long PeakBytes => Volatile.Read(ref _peakBytes);

    internal unsafe void* Allocate(nuint bytes)
    {
        void* memory = NativeMemory.AlignedAlloc(Math.Max(bytes, 1), Alignment);
        long now = Interlocked.Add(ref _allocatedBytes, (long)bytes);
        long peak;
        while (now > (peak = Volatile.Read(ref _peakBytes)) &&
               Interlocked.CompareExchange(ref _peakBytes, now, peak) != peak)
        {
        }

        return memory;
    }

    internal unsafe void Free(void* memory, nuint bytes)
    {
        NativeMemory.AlignedFree(memory);
        _ = Interlocked.Add(ref _allocatedBytes, -(long)bytes);
    }
}
