using MoA.Engine.Energy;

namespace MoA.Engine.Tests.Energy;

/// <summary>On folders as Linux shows them; sums are worked by hand.</summary>
public sealed class RaplMeterTests : IDisposable
{
    private const long Range = 65_532_610_987; // of 32 bits in units of 15.26 µJ

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Packages_are_added_up_and_nothing_else_is()
    {
        if (OperatingSystem.IsWindows())
            return; // its files have no colons in their names
        Zone("intel-rapl:0", "package-0", 1_000_000);
        Zone("intel-rapl:0:0", "core", 500_000);
        Zone("intel-rapl:0:1", "dram", 100_000);
        Zone("intel-rapl:1", "package-1-die-0", 40_000_000_000);
        Zone("intel-rapl:2", "psys", 7);
        Zone("intel-rapl-mmio:0", "package-0", 9);
        _ = Directory.CreateDirectory(_folder.File("intel-rapl"));
        using RaplMeter meter = Open();
        Assert.Equal("RAPL, 2 packages", meter.Source);
        Assert.Equal(0, meter.Joules());
        foreach (string zone in new[] { "intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:2", "intel-rapl-mmio:0" })
            Count(zone, 600_000_000);
        Assert.Equal(0, meter.Joules());
        Count("intel-rapl:0", 3_500_000);
        Count("intel-rapl:1", 40_001_000_000);
        Assert.Equal(3.5, meter.Joules(), 1e-9);
        Assert.Equal(TimeSpan.FromMilliseconds(10), meter.ShortestSpan);
    }

    [Fact]
    public void Counters_that_come_round_go_on()
    {
        if (OperatingSystem.IsWindows())
            return;
        Zone("intel-rapl:0", "package-0", Range - 2_000_000);
        using RaplMeter meter = Open();
        Count("intel-rapl:0", 3_000_000);
        Assert.Equal(5, meter.Joules(), 1e-9);
        Count("intel-rapl:0", Range);
        Count("intel-rapl:0", Range);
        Assert.Equal((Range + 2_000_000) / 1e6, meter.Joules(), 1e-6);
        Count("intel-rapl:0", 0);
        Assert.Equal((Range + 2_000_000) / 1e6, meter.Joules(), 1e-6);
    }

    [Fact]
    public void Machines_without_counters_are_told()
    {
        Assert.Contains("no energy counters", WhyNot(_folder.File("none")), StringComparison.Ordinal);
        Assert.Contains("no energy counters", WhyNot(_folder.Path), StringComparison.Ordinal);
        if (OperatingSystem.IsWindows())
            return;
        Zone("intel-rapl:0", "psys", 1);
        Assert.Contains("intel-rapl:*", WhyNot(_folder.Path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("energy_uj", null, "energy_uj")]
    [InlineData("energy_uj", "many", "'many'", "microjoules")]
    [InlineData("energy_uj", "-1", "'-1'")]
    [InlineData("energy_uj", "", "''")]
    [InlineData("max_energy_range_uj", null, "max_energy_range_uj")]
    [InlineData("max_energy_range_uj", "1e9", "'1e9'")]
    [InlineData("name", null, "name")]
    public void A_package_that_cannot_be_read_leaves_no_meter(string file, string? text, params string[] words)
    {
        if (OperatingSystem.IsWindows())
            return;
        Zone("intel-rapl:0", "package-0", 1);
        Zone("intel-rapl:1", "package-1", 1);
        string path = In("intel-rapl:1", file);
        if (text is null)
            File.Delete(path);
        else
            File.WriteAllText(path, text);
        string whyNot = WhyNot(_folder.Path);
        Assert.All(words, word => Assert.Contains(word, whyNot, StringComparison.Ordinal));
        Assert.Contains("intel-rapl:1", whyNot, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', whyNot);
    }

    [Fact]
    public void Counters_of_root_alone_are_told_with_what_to_do()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
            return; // nothing is closed to root
        Zone("intel-rapl:0", "package-0", 1);
        File.SetUnixFileMode(In("intel-rapl:0", "energy_uj"), UnixFileMode.None);
        Assert.Contains("chmod a+r", WhyNot(_folder.Path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_counter_that_was_lost_is_not_taken_up_again()
    {
        if (OperatingSystem.IsWindows())
            return;
        Zone("intel-rapl:0", "package-0", 1);
        using RaplMeter meter = Open();
        File.Delete(In("intel-rapl:0", "energy_uj"));
        Assert.Contains("energy_uj", Assert.Throws<IOException>(() => meter.Joules()).Message, StringComparison.Ordinal);
        Count("intel-rapl:0", 2);
        _ = Assert.Throws<IOException>(() => meter.Joules());
    }

    private RaplMeter Open() => RaplMeter.TryOpen(_folder.Path, out RaplMeter? meter, out string? whyNot) ? meter : throw new IOException(whyNot);

    private static string WhyNot(string folder)
    {
        Assert.False(RaplMeter.TryOpen(folder, out RaplMeter? meter, out string? whyNot));
        Assert.Null(meter);
        return whyNot;
    }

    private string In(string zone, string file) => Path.Combine(_folder.File(zone), file);

    private void Zone(string zone, string name, long microjoules)
    {
        _ = Directory.CreateDirectory(_folder.File(zone));
        File.WriteAllText(In(zone, "name"), name + "\n");
        File.WriteAllText(In(zone, "max_energy_range_uj"), Range + "\n");
        Count(zone, microjoules);
    }

    private void Count(string zone, long microjoules) => File.WriteAllText(In(zone, "energy_uj"), microjoules + "\n");
}
