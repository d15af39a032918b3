using System.Reflection;
using ILGPU.Runtime;
using MoA.Gpu.Cuda;
using MoA.Gpu.Kernels;

namespace MoA.Gpu.Tests.Device;

/// <summary>What can be said of kernels' registers without a GPU: how the kernels are found, and that there is nothing to ask.</summary>
public sealed class KernelUsesTests
{
    [Fact]
    public void Kernels_that_ran_are_found_again_rather_than_compiled()
    {
        using Emulated device = new();
        device.Session.RunThreads(new SwiGlu { Gate = device.Copy(new Quad[1]), Up = device.Copy(new Quad[1]) }, 1);
        Assert.Contains(typeof(SwiGlu), device.Session.Kernels);
        MethodInfo entry = typeof(KernelEntry).GetMethod(nameof(KernelEntry.Run))!.MakeGenericMethod(typeof(SwiGlu));
        Kernel first = device.Session.Accelerator.LoadKernel(entry);
        Assert.Same(first, device.Session.Accelerator.LoadKernel(entry));
        Assert.Empty(KernelUses.Of(device.Session));
    }
}
