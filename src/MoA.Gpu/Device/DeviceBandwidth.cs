using System.Diagnostics;
using ILGPU.Runtime;

namespace MoA.Gpu.Device;

/// <summary>
/// How fast a device copies its own memory: the limit that its steps are compared with. Holds what it copies, so that what is
/// free afterwards stays free.
/// </summary>
internal sealed class DeviceBandwidth : IDisposable
{
    // Both buffers are five times the second cache of an H100: little of one copy is left there for the next.
    public const long DefaultBytes = 128L << 20;
    private const int Passes = 4, CopiesInPass = 16;

    private readonly DeviceSession _session;
    private readonly DeviceBuffer<byte> _source, _target;

    /// <summary>Takes the memory.</summary>
    /// <param name="session">The device.</param>
    /// <param name="memory">Its memory.</param>
    /// <param name="bytes">Bytes of each of two buffers.</param>
    /// <exception cref="MoA.Engine.InvalidInputException">There is too little memory.</exception>
    public DeviceBandwidth(DeviceSession session, DeviceMemory memory, long bytes = DefaultBytes)
    {
        _session = session;
        memory.CheckRoom(2 * bytes, "two buffers to measure the bandwidth with", "use another device");
        _source = memory.AllocateCleared<byte>(bytes);
        try
        {
            _target = memory.AllocateCleared<byte>(bytes);
        }
        catch
        {
            _source.Dispose();
            throw;
        }
    }

    /// <summary>Bytes read and bytes written in a second: the best of a few passes.</summary>
    public double Measure()
    {
        double best = 0;
        for (int pass = 0; pass < Passes; pass++)
        {
            _session.Accelerator.Synchronize();
            long start = Stopwatch.GetTimestamp();
            for (int copy = 0; copy < CopiesInPass; copy++)
                _source.View.CopyTo(_session.Accelerator.DefaultStream, _target.View);
            _session.Accelerator.Synchronize();
            best = Math.Max(best, 2.0 * CopiesInPass * _source.Bytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    public void Dispose()
    {
        _source.Dispose();
        _target.Dispose();
    }
}
