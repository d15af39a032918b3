using MoA.Engine;
using MoA.Gpu.Device;

namespace MoA.Gpu.Tests.Device;

/// <summary>What it takes and gives back; how fast a device is, no test says.</summary>
public sealed class DeviceBandwidthTests
{
    [Fact]
    public void Memory_is_held_until_it_is_given_back()
    {
        using Emulated device = new();
        DeviceMemory memory = new(device.Session);
        DeviceBandwidth bandwidth = new(device.Session, memory, bytes: 1 << 16);
        Assert.Equal(2 << 16, memory.AllocatedBytes);
        Assert.InRange(bandwidth.Measure(), 1, double.MaxValue);
        bandwidth.Dispose();
        Assert.Contains("bandwidth", Assert.Throws<InvalidInputException>(
            () => new DeviceBandwidth(device.Session, new(device.Session, limit: (2 << 16) - 1), 1 << 16)).Message, StringComparison.Ordinal);
        Assert.Equal((0, 2 << 16), (memory.AllocatedBytes, memory.PeakBytes));
    }
}
