using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Numerics;

/// <summary>Memory that is available, from files of the system as the kernel's documentation describes them.</summary>
public sealed class AvailableMemoryTests : IDisposable
{
    private const long MiB = 1 << 20;
    private const string Unlimited1 = "9223372036854771712"; // what version 1 shows without a limit

    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Without_limits_it_is_what_the_machine_has()
    {
        Machine(800);
        Assert.Equal(800 * MiB, AvailableMemory.OfLinux(_root.Path));
        Assert.Null(AvailableMemory.OfLinux(_root.File("nothing")));
        Write("proc/meminfo", "MemTotal:  100 kB\n"); // of kernels before 3.14
        Assert.Null(AvailableMemory.OfLinux(_root.Path));
    }

    [Theory]
    [InlineData("max", "max", 100, 10, 20, 800)]
    [InlineData("524288000", "max", 100, 10, 20, 430)] // 500 - (100 - 10 - 20)
    [InlineData("524288000", "314572800", 100, 10, 20, 230)]
    [InlineData("max", "314572800", 100, 10, 20, 230)]
    [InlineData("104857600", "max", 200, 0, 20, 0)]
    [InlineData("2147483648", "max", 100, 0, 0, 800)]
    public void Groups_of_version_2_bound_it(string max, string high, int usedMiB, int inactiveMiB, int activeMiB, int expectedMiB)
    {
        Machine(800);
        Write("proc/self/cgroup", "0::/user.slice/job\n");
        Write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n");
        Group("sys/fs/cgroup/user.slice/job", max, high, usedMiB, inactiveMiB, activeMiB);
        Assert.Equal(expectedMiB * MiB, AvailableMemory.OfLinux(_root.Path));
    }

    [Fact]
    public void A_group_above_bounds_it_too()
    {
        Machine(800);
        Write("proc/self/cgroup", "0::/user.slice/job\n");
        Write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n");
        Group("sys/fs/cgroup/user.slice/job", "max", "max", 10, 0, 0);
        Group("sys/fs/cgroup/user.slice", $"{300 * MiB}", "max", 100, 0, 0);
        Assert.Equal(200 * MiB, AvailableMemory.OfLinux(_root.Path));
    }

    [Theory]
    [InlineData("4:memory:/job", "/", "sys/fs/cgroup/memory/job")]
    [InlineData("4:cpu,memory:/job", "/", "sys/fs/cgroup/memory/job")]
    [InlineData("4:memory:/docker/1f", "/docker/1f", "sys/fs/cgroup/memory")] // a container that sees its own group alone
    [InlineData("4:memory:/docker/1f/job", "/docker/1f", "sys/fs/cgroup/memory/job")]
    [InlineData("4:memory:/elsewhere", "/docker/1f", "sys/fs/cgroup/memory")]
    public void Groups_of_version_1_bound_it(string line, string mounted, string folder)
    {
        Machine(800);
        Write("proc/self/cgroup", $"5:devices:/x\n{line}\n0::/\n");
        Write("proc/self/mountinfo",
            "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n" +
            $"35 31 0:32 {mounted} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
        Write($"{folder}/memory.limit_in_bytes", $"{400 * MiB}\n");
        Write($"{folder}/memory.usage_in_bytes", $"{250 * MiB}\n");
        Write($"{folder}/memory.stat", $"inactive_file 1\ntotal_inactive_file {50 * MiB}\ntotal_active_file {100 * MiB}\n");
        Assert.Equal(300 * MiB, AvailableMemory.OfLinux(_root.Path));
        Write($"{folder}/memory.limit_in_bytes", Unlimited1 + "\n");
        Assert.Equal(800 * MiB, AvailableMemory.OfLinux(_root.Path));
    }

    [Fact]
    public void This_machine_has_some() => Assert.InRange(AvailableMemory.Bytes(), 1, 1L << 50);

    private void Machine(long availableMiB) =>
        Write("proc/meminfo", $"MemTotal:       1024000 kB\nMemFree:  1 kB\nMemAvailable:   {availableMiB * 1024} kB\n");

    private void Group(string folder, string max, string high, long usedMiB, long inactiveMiB, long activeMiB)
    {
        Write($"{folder}/memory.max", max + "\n");
        Write($"{folder}/memory.high", high + "\n");
        Write($"{folder}/memory.current", $"{usedMiB * MiB}\n");
        Write($"{folder}/memory.stat", $"anon 5\ninactive_file {inactiveMiB * MiB}\nactive_file {activeMiB * MiB}\nworkingset_refault_file 7\n");
    }

    private void Write(string path, string text)
    {
        _ = Directory.CreateDirectory(Path.GetDirectoryName(_root.File(path))!);
        _ = _root.Write(path, text);
    }
}
