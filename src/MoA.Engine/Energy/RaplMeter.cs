using System.Diagnostics.CodeAnalysis;

namespace MoA.Engine.Energy;

/// <summary>
/// The energy of all processor packages, from the counters that Linux shows of Intel's and AMD's processors (running average
/// power limit): <c>/sys/class/powercap/intel-rapl:N</c>. Memory modules and the rest of the machine are not in it.
/// </summary>
/// <remarks>https://docs.kernel.org/power/powercap/powercap.html</remarks>
internal sealed class RaplMeter : EnergyMeter
{
    private const string SystemFolder = "/sys/class/powercap";

    // Counters of 32 bits in units of 15 µJ come round after 65 kJ: in time for 2 kW a package.
    private static readonly TimeSpan ReadingInterval = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Package[] _packages;
    private readonly Timer _timer;
    private double _microjoules;
    private IOException? _failure;

    private RaplMeter(Package[] packages)
    {
        _packages = packages;
        _timer = new Timer(_ => Read(), null, ReadingInterval, ReadingInterval);
    }

    /// <inheritdoc/>
    public override string Source => _packages.Length == 1 ? "RAPL, 1 package" : $"RAPL, {_packages.Length} packages";

    /// <inheritdoc/>
    public override TimeSpan Interval => TimeSpan.FromMilliseconds(1);

    /// <summary>Opens the counters of this machine's packages.</summary>
    /// <param name="meter">The meter; null where there is none.</param>
    /// <param name="whyNot">Why there is none, in one line.</param>
    /// <returns>Whether every package can be read.</returns>
    public static bool TryOpen([NotNullWhen(true)] out RaplMeter? meter, [NotNullWhen(false)] out string? whyNot) =>
        TryOpen(SystemFolder, out meter, out whyNot);

    /// <summary>Opens the counters below a folder; tests have one of their own.</summary>
    internal static bool TryOpen(string folder, [NotNullWhen(true)] out RaplMeter? meter, [NotNullWhen(false)] out string? whyNot)
    {
        meter = null;
        try
        {
            Package[] packages = Directory.Exists(folder)
                ? [.. Directory.EnumerateDirectories(folder, "intel-rapl:*").Where(IsPackage).Order(StringComparer.Ordinal).Select(zone => new Package(zone))]
                : [];
            whyNot = packages.Length > 0 ? null : $"this machine shows no energy counters of its processors ({folder}/intel-rapl:*)";
            if (whyNot is not null)
                return false;
            meter = new RaplMeter(packages);
            return true;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            whyNot = failure.Message.ReplaceLineEndings(" ");
            return false;
        }
    }

    /// <inheritdoc/>
    public override double Joules()
    {
        lock (_lock)
        {
            Read();
            return _failure is null ? _microjoules / 1e6 : throw new IOException(_failure.Message, _failure);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _timer.Dispose();
        base.Dispose(disposing);
    }

    // A counter that was lost once has a gap: it is never taken up again.
    private void Read()
    {
        lock (_lock)
        {
            if (_failure is not null)
                return;
            try
            {
                foreach (Package package in _packages)
                    _microjoules += package.MicrojoulesSinceLast();
            }
            catch (IOException failure)
            {
                _failure = failure;
            }
        }
    }

    // Beside packages there are zones of the whole platform (psys), and zones within packages (intel-rapl:0:1).
    private static bool IsPackage(string zone) =>
        Path.GetFileName(zone).Count(character => character == ':') == 1
        && ReadText(Path.Combine(zone, "name")).StartsWith("package-", StringComparison.Ordinal);

    private static string ReadText(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (UnauthorizedAccessException)
        {
            throw new IOException($"{file} may not be read; run as root, or let root make it readable (chmod a+r)");
        }
        catch (IOException failure)
        {
            throw new IOException($"{file} cannot be read: {failure.Message.ReplaceLineEndings(" ")}", failure);
        }
    }

    private static long ReadMicrojoules(string file)
    {
        string text = ReadText(file);
        return NumberText.TryWhole(text, out long value) && value >= 0
            ? value
            : throw new IOException($"{file}: '{text}' is no number of microjoules");
    }

    private sealed class Package
    {
        private readonly string _counter;
        private readonly long _range;
        private long _last;

        public Package(string zone)
        {
            _counter = Path.Combine(zone, "energy_uj");
            _range = ReadMicrojoules(Path.Combine(zone, "max_energy_range_uj"));
            _last = ReadMicrojoules(_counter);
        }

        public long MicrojoulesSinceLast()
        {
            long now = ReadMicrojoules(_counter);
            long since = now >= _last ? now - _last : _range - _last + now;
            _last = now;
            return since >= 0 ? since : throw new IOException($"{_counter} fell to {now} from beyond its range of {_range} microjoules");
        }
    }
}
