using MoA.Engine;
using MoA.Gpu.Device;

namespace MoA.Gpu.Tests.Device;

/// <summary>Opening devices by name. What must hold on machines with a device and without is told apart here.</summary>
public sealed class GpuDevicesTests
{
    [Fact]
    public void Devices_are_listed_or_there_are_none() => Assert.All(GpuDevices.List(), device =>
    {
        Assert.Matches("^cuda:[0-9]+$", device.Id);
        Assert.Matches("^[0-9]+\\.[0-9]$", device.ComputeCapability);
        Assert.InRange(device.MemoryBytes, 1L << 28, long.MaxValue);
        Assert.NotEmpty(device.Name);
    });

    [Theory]
    [InlineData("cuda", 0)]
    [InlineData("cuda:0", 0)]
    [InlineData("cuda:12", 12)]
    public void Names_of_devices(string id, int index) => Assert.Equal(index, GpuDevices.IndexOf(id));

    [Theory]
    [InlineData("")]
    [InlineData("cpu")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cuda:x")]
    [InlineData("cuda:99999999999")]
    [InlineData("CUDA 0")]
    public void Other_names_are_refused(string id)
    {
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(() => DeviceSession.Open(id));
        Assert.Equal($"device {id}: expected cuda or cuda:N", refusal.Message);
    }

    [Fact]
    public void A_device_that_is_not_there_gets_one_line()
    {
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(() => DeviceSession.Open("cuda:99"));
        Assert.StartsWith("device cuda:99: ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Fact]
    public void The_emulated_device_has_warps_of_32()
    {
        using Emulated device = new();
        Assert.Equal(32, device.Session.Accelerator.WarpSize);
        Assert.Equal("emulated", device.Session.Device.Id);
    }
}
