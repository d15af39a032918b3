using System.Globalization;

namespace MoA.Benchmarks.Profiling;

/// <summary>
/// The most memory of this process that no file stands behind (RssAnon of Linux), sampled while it exists. Mapped
/// weights do not count: the system can drop them and read them again.
/// </summary>
internal sealed class MemoryWatch : IDisposable
{
    private const int MillisecondsBetweenSamples = 10;

    private readonly Timer _timer;
    private long _peak;

    public MemoryWatch() => _timer = new Timer(_ => Sample(), null, 0, MillisecondsBetweenSamples);

    /// <summary>Largest sample in bytes; 0 where the system does not say.</summary>
    public long PeakBytes => Volatile.Read(ref _peak);

    public void Dispose()
    {
        _timer.Dispose();
        Sample();
    }

    private void Sample()
    {
        long now = AnonymousBytes();
        long peak;
        while (now > (peak = PeakBytes) && Interlocked.CompareExchange(ref _peak, now, peak) != peak)
        {
        }
    }

    private static long AnonymousBytes()
    {
        const string Name = "RssAnon:";
        if (!OperatingSystem.IsLinux())
            return 0;
        string? line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        return line is null ? 0 : 1024 * long.Parse(line.AsSpan(Name.Length).Trim(" \tkB"), CultureInfo.InvariantCulture);
    }
}
