using System.Globalization;
using ILGPU;
using ILGPU.Runtime.Cuda;
using MoA.Engine;

namespace MoA.Gpu.Device;

/// <summary>The devices of this machine, found through the driver alone.</summary>
public static class GpuDevices
{
    private const string Prefix = "cuda";

    /// <summary>Every device, in the driver's order; none where there is no driver.</summary>
    public static IReadOnlyList<GpuDevice> List()
    {
        if (!CudaDriver.IsInstalled)
            return [];
        Context.DeviceCollection<CudaDevice> devices = CudaDriver.Context.GetCudaDevices();
        GpuDevice[] found = new GpuDevice[devices.Count];
        for (int i = 0; i < found.Length; i++)
            found[i] = Describe(devices[i], i);
        return found;
    }

    /// <summary>Why <see cref="List"/> has none, in one line; null where it has.</summary>
    public static string? WhyNone => !CudaDriver.IsInstalled
        ? "this machine has no NVIDIA driver"
        : List().Count == 0 ? "the NVIDIA driver reports none" : null;

    /// <summary>The index within <see cref="List"/> that a device's name stands for: <c>cuda</c> or <c>cuda:1</c>.</summary>
    /// <exception cref="InvalidInputException">It is no name of a device.</exception>
    internal static int IndexOf(string id)
    {
        if (id == Prefix)
            return 0;
        if (id.StartsWith(Prefix + ":", StringComparison.Ordinal)
            && int.TryParse(id.AsSpan(Prefix.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int index))
        {
            return index;
        }

        throw new InvalidInputException($"device {id}: expected cuda or cuda:N");
    }

    internal static GpuDevice Describe(CudaDevice device, int index) => new(
        $"{Prefix}:{index}",
        device.Name,
        device.MemorySize,
        device.Architecture is { } architecture ? $"{architecture.Major}.{architecture.Minor}" : "unknown",
        device.NumMultiprocessors);
}
