using System.Globalization;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using MoA.Engine;

namespace MoA.Gpu.Device;

/// <summary>Hands out a device's memory and counts it; what is not to be had is refused with the numbers.</summary>
internal sealed class DeviceMemory
{
    /// <summary>
    /// What is left when rooms are reckoned: to the driver for kernels' own memory, to lists of a batch, to operands of a product.
    /// </summary>
    private const long Reserve = 512L << 20;

    private readonly DeviceSession _session;
    private readonly long? _limit;
    private long _allocatedBytes, _peakBytes;

    /// <summary>All of the device's memory, or some of it.</summary>
    /// <param name="session">The device.</param>
    /// <param name="limit">Bytes that may be taken; null for all that are free.</param>
    public DeviceMemory(DeviceSession session, long? limit = null)
    {
        _session = session;
        _limit = limit;
    }

    /// <summary>Bytes allocated now.</summary>
    public long AllocatedBytes => Volatile.Read(ref _allocatedBytes);

    /// <summary>The most bytes that were allocated at one time.</summary>
    public long PeakBytes => Volatile.Read(ref _peakBytes);

    /// <summary>Bytes that can still be taken.</summary>
    public long FreeBytes => _limit is long limit
        ? limit - AllocatedBytes
        : _session.Accelerator is CudaAccelerator cuda ? cuda.GetFreeMemory() - Reserve : long.MaxValue;

    /// <summary>Starts a new <see cref="PeakBytes"/> at what is allocated now.</summary>
    public void ResetPeak() => _peakBytes = AllocatedBytes;

    /// <summary>Refuses what there is no room for, before any of it is taken.</summary>
    /// <param name="bytes">Bytes.</param>
    /// <param name="what">What for: "the weights".</param>
    /// <param name="mend">What would help.</param>
    /// <exception cref="InvalidInputException">There is too little.</exception>
    public void CheckRoom(long bytes, string what, string mend)
    {
        long free = FreeBytes;
        if (bytes <= free)
            return;
        throw new InvalidInputException(string.Create(CultureInfo.InvariantCulture,
            $"{what} take {Gibibytes(bytes)} GiB of {_session.Device.Id}, which has {Gibibytes(Math.Max(0, free))} GiB free; {mend}"));
    }

    /// <summary>Memory, not cleared.</summary>
    /// <exception cref="InvalidInputException">It is not to be had.</exception>
    public DeviceBuffer<T> Allocate<T>(long length)
        where T : unmanaged
    {
        long bytes = Math.Max(1, length) * Interop.SizeOf<T>();
        MemoryBuffer1D<T, Stride1D.Dense> buffer;
        try
        {
            buffer = _session.Accelerator.Allocate1D<T>(Math.Max(1, length));
        }
        catch (CudaException failure)
        {
            throw new InvalidInputException(string.Create(CultureInfo.InvariantCulture,
                $"{_session.Device.Id} has no {Gibibytes(bytes)} GiB more than the {Gibibytes(AllocatedBytes)} GiB in use here: {failure.Message.ReplaceLineEndings(" ")}"),
                failure);
        }

        long now = Interlocked.Add(ref _allocatedBytes, bytes);
        long peak;
        while (now > (peak = PeakBytes) && Interlocked.CompareExchange(ref _peakBytes, now, peak) != peak)
        {
        }

        return new DeviceBuffer<T>(this, buffer, length, bytes);
    }

    /// <summary>Memory, every byte zero.</summary>
    /// <exception cref="InvalidInputException">It is not to be had.</exception>
    public DeviceBuffer<T> AllocateCleared<T>(long length)
        where T : unmanaged
    {
        DeviceBuffer<T> buffer = Allocate<T>(length);
        buffer.View.MemSetToZero(_session.Accelerator.DefaultStream);
        return buffer;
    }

    internal void Freed(long bytes) => Interlocked.Add(ref _allocatedBytes, -bytes);

    private static string Gibibytes(long bytes) => (bytes / (double)(1 << 30)).ToString("0.00", CultureInfo.InvariantCulture);
}
