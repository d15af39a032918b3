using System.Diagnostics.CodeAnalysis;
using ILGPU.Runtime.Cuda;
using MoA.Engine.Energy;

namespace MoA.Gpu.Device;

/// <summary>
/// The energy of one NVIDIA GPU, its memory included, as the driver's management library counts it; other programs on the same
/// GPU are in it, the processor is not.
/// </summary>
internal sealed class NvmlMeter : EnergyMeter
{
    private readonly NvmlFunctions _nvml;
    private readonly nint _device;
    private readonly ulong _first;
    private bool _open = true;

    private NvmlMeter(NvmlFunctions nvml, nint device, ulong first)
    {
        _nvml = nvml;
        _device = device;
        _first = first;
    }

    /// <inheritdoc/>
    public override string Source => "NVML";

    // Drivers take samples 10 to 50 times a second.
    /// <inheritdoc/>
    public override TimeSpan Interval => TimeSpan.FromMilliseconds(100);

    /// <summary>Opens the counter of the GPU that a session runs on.</summary>
    /// <param name="session">The session.</param>
    /// <param name="meter">The meter; null where there is none.</param>
    /// <param name="whyNot">Why there is none, in one line.</param>
    public static bool TryOpen(DeviceSession session, [NotNullWhen(true)] out NvmlMeter? meter, [NotNullWhen(false)] out string? whyNot)
    {
        meter = null;
        if (session.Accelerator is not CudaAccelerator { Device: CudaDevice device })
        {
            whyNot = $"the energy of device {session.Device.Id} is not counted: it is no NVIDIA GPU";
            return false;
        }

        return NvmlFunctions.TryLoad(out NvmlFunctions? nvml, out whyNot) && TryOpen(nvml, BusId(device), out meter, out whyNot);
    }

    /// <summary>Opens the counter of the GPU in a slot.</summary>
    internal static bool TryOpen(
        NvmlFunctions nvml, string busId, [NotNullWhen(true)] out NvmlMeter? meter, [NotNullWhen(false)] out string? whyNot)
    {
        meter = null;
        int error = nvml.Initialise();
        if (error != 0)
        {
            whyNot = $"NVIDIA's management library does not start: {nvml.Describe(error)}";
            return false;
        }

        if ((error = nvml.DeviceByBusId(busId, out nint device)) != 0)
        {
            whyNot = $"NVIDIA's management library does not know the GPU at {busId}: {nvml.Describe(error)}";
        }
        else if ((error = nvml.TotalEnergy(device, out ulong first)) != 0)
        {
            whyNot = $"the GPU at {busId} does not count its energy: {nvml.Describe(error)}";
        }
        else
        {
            whyNot = null;
            meter = new NvmlMeter(nvml, device, first);
            return true;
        }

        _ = nvml.ShutDown();
        return false;
    }

    /// <inheritdoc/>
    public override double Joules()
    {
        ObjectDisposedException.ThrowIf(!_open, this);
        int error = _nvml.TotalEnergy(_device, out ulong millijoules);
        if (error != 0)
            throw new IOException($"the GPU's energy can no longer be read: {_nvml.Describe(error)}");
        if (millijoules < _first)
            throw new IOException("the GPU's energy counter began anew: its driver was loaded again");
        return (millijoules - _first) / 1e3;
    }

    /// <summary>A slot as the library writes it: domain, bus, device, function.</summary>
    internal static string BusId(int domain, int bus, int device) => $"{domain:x8}:{bus:x2}:{device:x2}.0";

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && _open)
            _ = _nvml.ShutDown();
        _open = false;
        base.Dispose(disposing);
    }

    private static string BusId(CudaDevice device) => BusId(device.PCIDomainId, device.PCIBusId, device.PCIDeviceId);
}
