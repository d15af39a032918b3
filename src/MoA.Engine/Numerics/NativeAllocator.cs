using System.Runtime.InteropServices;

namespace MoA.Engine.Numerics;

/// <summary>
/// Hands out aligned native memory and counts it, so that what is reported as used is what was really allocated.
/// Large buffers lie in huge pages where Linux has any to give. Safe to use from several threads.
/// </summary>
internal sealed unsafe class NativeAllocator
{
    private const nuint HugePage = 2 << 20;
    private const int AdviseHugePage = 14; // MADV_HUGEPAGE

    private static readonly delegate* unmanaged<void*, nuint, int, int> Advise =
        (delegate* unmanaged<void*, nuint, int, int>)(OperatingSystem.IsLinux() ? CLibrary.Find("madvise") : 0);

    private long _allocatedBytes;
    private long _peakBytes;

    /// <summary>Alignment of every buffer in bytes: one cache line, and one 512-bit vector.</summary>
    public const int Alignment = 64;

    /// <summary>Bytes allocated now.</summary>
    public long AllocatedBytes => Volatile.Read(ref _allocatedBytes);

    /// <summary>The most bytes that were allocated at one time.</summary>
    public long PeakBytes => Volatile.Read(ref _peakBytes);

    /// <summary>Memory of some bytes, not cleared.</summary>
    /// <param name="bytes">Bytes.</param>
    /// <param name="spread">Whether all threads read it: large buffers then lie on all memory nodes in turn.</param>
    internal void* Allocate(nuint bytes, bool spread = false)
    {
        bool spansHugePages = bytes >= 2 * HugePage;
        void* memory = NativeMemory.AlignedAlloc(Math.Max(bytes, 1), spansHugePages ? HugePage : Alignment);
        // Only a hint: caches and weights are read from one end to the other, a tenth to a sixth faster without a page
        // walk for every 4 KiB.
        if (spansHugePages && Advise is not null)
            _ = Advise(memory, bytes, AdviseHugePage);
        if (spansHugePages && spread)
            MemoryNodes.Spread(memory, bytes);
        long now = Interlocked.Add(ref _allocatedBytes, (long)bytes);
        long peak;
        while (now > (peak = Volatile.Read(ref _peakBytes)) &&
               Interlocked.CompareExchange(ref _peakBytes, now, peak) != peak)
        {
        }

        return memory;
    }

    internal void Free(void* memory, nuint bytes)
    {
        NativeMemory.AlignedFree(memory);
        _ = Interlocked.Add(ref _allocatedBytes, -(long)bytes);
    }
}
