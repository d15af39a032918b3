using System.Globalization;

namespace MoA.Gpu.Device;

/// <summary>What a machine says of one of its devices.</summary>
/// <param name="Id">What <c>--device</c> will take: <c>cuda:0</c>.</param>
/// <param name="Name">The vendor's name.</param>
/// <param name="MemoryBytes">All of its memory.</param>
/// <param name="ComputeCapability">Of the architecture: <c>9.0</c>.</param>
/// <param name="Multiprocessors">Processors that run groups of threads independently.</param>
public sealed record GpuDevice(string Id, string Name, long MemoryBytes, string ComputeCapability, int Multiprocessors)
{
    /// <summary>Whether kernels are written for it: compute capability 8.0 or more.</summary>
    public bool IsUsable => double.TryParse(ComputeCapability, NumberStyles.Float, CultureInfo.InvariantCulture, out double capability) && capability >= 8;
}
