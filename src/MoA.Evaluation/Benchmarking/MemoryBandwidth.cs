using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;

namespace MoA.Evaluation.Benchmarking;

/// <summary>
/// The machine's own limit of a decode step: how fast all threads together read memory that no cache holds. Measured next
/// to what is compared with it, since other work on the machine moves both.
/// </summary>
internal sealed class MemoryBandwidth(WorkerPool pool) : IDisposable
{
    // Many times a last-level cache, so that nothing of one pass is left for the next.
    public const long BufferBytes = 256L << 20;
    private const int ItemBytes = 1 << 20;
    private const int Passes = 4;

    private readonly NativeAllocator _allocator = new();

    /// <summary>Bytes read in a second: the best of a few passes, about 0.1 s in all.</summary>
    /// <remarks>The buffer lives only here, so that it does not count in anybody's resident memory.</remarks>
    public unsafe double Measure()
    {
        using NativeBuffer<byte> buffer = new(_allocator, BufferBytes);
        NativeMemory.Fill(buffer.Data, (nuint)buffer.Bytes, 1); // pages that were never written are all the same one
        ReadJob job = new() { Data = buffer.Data };
        double best = 0;
        for (int pass = 0; pass < Passes; pass++)
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(ref job, (int)(BufferBytes / ItemBytes));
            best = Math.Max(best, BufferBytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    public void Dispose() => pool.Dispose();

    private unsafe struct ReadJob : IParallelJob
    {
        public byte* Data;
        private ulong _seen;

        public void Run(int index, int worker)
        {
            ulong* start = (ulong*)(Data + (long)index * ItemBytes), end = start + ItemBytes / sizeof(ulong);
            Vector256<ulong> a = default, b = default, c = default, d = default;
            for (ulong* p = start; p < end; p += 4 * Vector256<ulong>.Count)
            {
                a ^= Vector256.Load(p);
                b ^= Vector256.Load(p + Vector256<ulong>.Count);
                c ^= Vector256.Load(p + 2 * Vector256<ulong>.Count);
                d ^= Vector256.Load(p + 3 * Vector256<ulong>.Count);
            }

            // Keeps the compiler from dropping the reads; which worker writes last does not matter.
            Volatile.Write(ref _seen, Vector256.Sum(a ^ b ^ c ^ d));
        }
    }
}
