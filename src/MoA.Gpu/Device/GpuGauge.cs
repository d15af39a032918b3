using System.Diagnostics.CodeAnalysis;
using MoA.Engine.Energy;
using MoA.Engine.Kernels;

namespace MoA.Gpu.Device;

/// <summary>Memory, copying and energy of a GPU.</summary>
internal sealed class GpuGauge(DeviceSession session, DeviceMemory memory) : DeviceGauge, IDisposable
{
    private const long EmulatedBytes = 1L << 20;

    private DeviceBandwidth? _bandwidth;

    public override long FreeBytes => memory.FreeBytes;

    public override void ResetPeak() => memory.ResetPeak();

    // Counted apart from what models take.
    public override double CopyBandwidth() =>
        (_bandwidth ??= new DeviceBandwidth(session, new DeviceMemory(session), session.Cuda is null ? EmulatedBytes : DeviceBandwidth.DefaultBytes)).Measure();

    public override bool TryOpenMeter([NotNullWhen(true)] out EnergyMeter? meter, [NotNullWhen(false)] out string? whyNot)
    {
        bool opened = NvmlMeter.TryOpen(session, out NvmlMeter? found, out whyNot);
        meter = found;
        return opened;
    }

    public void Dispose() => _bandwidth?.Dispose();
}
