using System.Globalization;

namespace MoA.Serving.Benchmarks;

/// <summary>A table of two columns on standard output, and what was to be shown.</summary>
internal sealed class Report
{
    /// <summary>Whether everything that must hold held.</summary>
    public bool Holds { get; private set; } = true;

    /// <summary>A part of sorted values: 0.5 is the median.</summary>
    public static double Quantile(IEnumerable<double> values, double part)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[Math.Min(sorted.Length - 1, (int)(part * sorted.Length))];
    }

    /// <summary>A line of the table.</summary>
    public static void Say(string name, FormattableString value) => Console.WriteLine($"| {name} | {value.ToString(CultureInfo.InvariantCulture)} |");

    /// <summary>Median, 99th percentile and most of times, in milliseconds.</summary>
    public static void SayTimes(string name, IEnumerable<double> seconds)
    {
        double[] all = [.. seconds];
        Say($"{name}, p50 / p99 / most", $"{Quantile(all, 0.5) * 1000:F1} / {Quantile(all, 0.99) * 1000:F1} / {Quantile(all, 1) * 1000:F1} ms");
    }

    /// <summary>What must hold, whatever the machine.</summary>
    public void Require(string name, bool holds, FormattableString value)
    {
        Say(name, value);
        if (holds)
            return;
        Holds = false;
        Console.Error.WriteLine($"{name}: {value.ToString(CultureInfo.InvariantCulture)} must not be");
    }
}
