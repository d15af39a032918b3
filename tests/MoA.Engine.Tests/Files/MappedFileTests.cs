using System.Globalization;
using MoA.Engine.Files;
using MoA.Engine.Tests.Models.Loading;

namespace MoA.Engine.Tests.Files;

/// <summary>Bytes of a mapped file come and go, and their absence is said.</summary>
public sealed class MappedFileTests : IDisposable
{
    private const int Bytes = 1 << 20;

    private readonly TemporaryFolder _folder = new();
    private readonly string _path;

    public MappedFileTests()
    {
        byte[] content = new byte[Bytes];
        new Random(1).NextBytes(content);
        _path = _folder.Write("file.bin", content);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public unsafe void Pages_become_resident_go_and_can_be_read_again()
    {
        byte[] content = File.ReadAllBytes(_path);
        using MappedFile file = MappedFile.Open(_path, 1, "a file");
        file.Populate(file.Data + 5000, Bytes - 5000);
        if (OperatingSystem.IsLinux())
            Assert.InRange(Resident(), 0, Bytes);
        long before = OperatingSystem.IsLinux() ? Resident() : 0;
        Assert.True(new ReadOnlySpan<byte>(file.Data, Bytes).SequenceEqual(content));
        if (OperatingSystem.IsLinux())
            Assert.Equal(Bytes, Resident());
        file.Release(file.Data + 5000, Bytes - 5000);
        if (OperatingSystem.IsLinux())
            Assert.Equal(4096, Resident()); // the first page alone; before the call all of it
        Assert.True(new ReadOnlySpan<byte>(file.Data, Bytes).SequenceEqual(content));
        Assert.True(file.Contains(file.Data + Bytes - 1));
        Assert.False(file.Contains(file.Data + Bytes));
        Assert.True(before is 0 or >= Bytes - 4096);
    }

    [Fact]
    public unsafe void A_file_that_was_cut_short_is_refused_in_one_line()
    {
        if (!OperatingSystem.IsLinux())
            return; // elsewhere a mapped file cannot be cut short
        using MappedFile file = MappedFile.Open(_path, 1, "a file");
        FileTruncation.To(_path, 5000);
        Refusal.AssertThrows(_path, "was cut short while it was in use: has 5000 bytes, had 1048576", () =>
        {
            file.Populate(file.Data, Bytes);
            return file;
        });
    }

    // What /proc says of the file's mapping.
    private long Resident()
    {
        string line = File.ReadLines("/proc/self/smaps").SkipWhile(line => !line.EndsWith(_path, StringComparison.Ordinal))
            .First(line => line.StartsWith("Rss:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }
}
