using MoA.Engine.Numerics;

namespace MoA.Engine.Kernels;

/// <summary>Scratch memory of each worker, grown when a kernel asks for more and kept for the next.</summary>
internal sealed unsafe class WorkerScratch : IDisposable
{
    private const int InitialFloats = 16384;

    private readonly NativeAllocator _allocator;
    private readonly NativeBuffer<float>?[] _buffers;

    public WorkerScratch(NativeAllocator allocator, int workers)
    {
        _allocator = allocator;
        _buffers = new NativeBuffer<float>?[workers + 1]; // the last is everybody's
        // Enough for a decode step: which worker gets no item of the first ones is chance.
        for (int worker = 0; worker < workers; worker++)
            _buffers[worker] = new NativeBuffer<float>(allocator, InitialFloats);
    }

    /// <summary>At least <paramref name="count"/> floats of a worker, with whatever they held before.</summary>
    public float* Floats(int worker, long count) => Slot(worker, count);

    /// <summary>At least <paramref name="count"/> floats that all workers share, for what one job hands to the next.</summary>
    public float* Shared(long count) => Slot(_buffers.Length - 1, count);

    private float* Slot(int worker, long count)
    {
        NativeBuffer<float>? buffer = _buffers[worker];
        if (buffer is null || buffer.Length < count)
        {
            buffer?.Dispose();
            _buffers[worker] = null; // nothing stale is left should there be no memory
            // Room to grow, so that slowly growing requests do not allocate each time.
            buffer = new NativeBuffer<float>(_allocator, Math.Max(count + count / 4, InitialFloats));
            _buffers[worker] = buffer;
        }

        return buffer.Data;
    }

    public void Dispose()
    {
        foreach (NativeBuffer<float>? buffer in _buffers)
            buffer?.Dispose();
    }
}
