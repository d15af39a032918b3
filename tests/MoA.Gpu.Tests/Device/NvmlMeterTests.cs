using System.Runtime.InteropServices;
using MoA.Gpu.Device;

namespace MoA.Gpu.Tests.Device;

/// <summary>Over functions that stand in for the library's. Counters of real GPUs are in no test.</summary>
public sealed class NvmlMeterTests
{
    private const int NotSupported = 3, NotFound = 6;

    [Fact]
    public void Joules_are_thousandths_of_the_counter_since_it_was_opened()
    {
        FakeNvml nvml = new() { Millijoules = 5_000_000_000 };
        Assert.True(NvmlMeter.TryOpen(nvml.Functions, FakeNvml.Slot, out NvmlMeter? meter, out string? whyNot), whyNot);
        Assert.Equal(0, meter.Joules());
        nvml.Millijoules += 1234;
        Assert.Equal(1.234, meter.Joules(), 1e-12);
        Assert.Equal(TimeSpan.FromSeconds(1), meter.ShortestSpan);
        Assert.Equal(1, nvml.Open);
        meter.Dispose();
        meter.Dispose();
        Assert.Equal(0, nvml.Open);
        _ = Assert.Throws<ObjectDisposedException>(() => meter.Joules());
    }

    // domain:bus:device.function in hexadecimal digits, as nvmlPciInfo_t's busId documents it.
    [Theory]
    [InlineData(0, 0x65, 0, "00000000:65:00.0")]
    [InlineData(1, 10, 31, "00000001:0a:1f.0")]
    [InlineData(0x10000, 0xb3, 0, "00010000:b3:00.0")]
    public void Slots_are_written_as_the_library_reads_them(int domain, int bus, int device, string busId) =>
        Assert.Equal(busId, NvmlMeter.BusId(domain, bus, device));

    [Fact]
    public void What_the_library_refuses_is_said_in_one_line()
    {
        FakeNvml nvml = new() { EnergyError = NotSupported };
        Assert.Equal($"the GPU at {FakeNvml.Slot} does not count its energy: error number 3", WhyNot(nvml, FakeNvml.Slot));
        Assert.Equal("NVIDIA's management library does not know the GPU at 0:1: error number 6", WhyNot(new FakeNvml(), "0:1"));
        Assert.Equal("NVIDIA's management library does not start: error number 9", WhyNot(new FakeNvml { InitialiseError = 9 }, FakeNvml.Slot));
    }

    [Fact]
    public void A_counter_that_is_lost_or_began_anew_tells_nothing()
    {
        FakeNvml nvml = new() { Millijoules = 10 };
        Assert.True(NvmlMeter.TryOpen(nvml.Functions, FakeNvml.Slot, out NvmlMeter? meter, out _));
        using (meter)
        {
            nvml.Millijoules = 9;
            Assert.Contains("anew", Assert.Throws<IOException>(() => meter.Joules()).Message, StringComparison.Ordinal);
            nvml.EnergyError = 15;
            Assert.Contains("error number 15", Assert.Throws<IOException>(() => meter.Joules()).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_emulated_device_has_no_counter()
    {
        using Emulated device = new();
        Assert.False(NvmlMeter.TryOpen(device.Session, out _, out string? whyNot));
        Assert.Contains("emulated", whyNot, StringComparison.Ordinal);
    }

    private static string WhyNot(FakeNvml nvml, string slot)
    {
        Assert.False(NvmlMeter.TryOpen(nvml.Functions, slot, out NvmlMeter? meter, out string? whyNot));
        Assert.Null(meter);
        Assert.Equal(0, nvml.Open);
        return whyNot;
    }

    private sealed class FakeNvml
    {
        public const string Slot = "00000000:65:00.0";
        private const nint Handle = 77;

        public FakeNvml() => Functions = new NvmlFunctions
        {
            Initialise = () => InitialiseError == 0 ? (Open++) * 0 : InitialiseError,
            ShutDown = () => --Open * 0,
            DeviceByBusId = (string busId, out nint device) =>
            {
                device = busId == Slot ? Handle : 0;
                return busId == Slot ? 0 : NotFound;
            },
            TotalEnergy = (nint device, out ulong millijoules) =>
            {
                Assert.Equal(Handle, device);
                millijoules = EnergyError == 0 ? Millijoules : 0;
                return EnergyError;
            },
            ErrorText = error => Marshal.StringToCoTaskMemUTF8($"error number {error}"), // small, and never freed, as the library's own
        };

        public NvmlFunctions Functions { get; }

        public ulong Millijoules { get; set; }

        public int InitialiseError { get; init; }

        public int EnergyError { get; set; }

        public int Open { get; private set; }
    }
}
