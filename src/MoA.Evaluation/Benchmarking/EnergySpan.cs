using System.Diagnostics;
using System.Globalization;
using MoA.Engine.Energy;

namespace MoA.Evaluation.Benchmarking;

/// <summary>The energy of a span of time, or why it is not told.</summary>
/// <param name="meter">The meter; null where there is none.</param>
internal sealed class EnergySpan(EnergyMeter? meter)
{
    private double? _before;
    private long _start;

    /// <summary>Why the last span had no energy, in one line; null if it had, or if there is no meter.</summary>
    public string? WhyNot { get; private set; }

    /// <summary>Begins a span.</summary>
    public void Start()
    {
        _before = Read();
        _start = Stopwatch.GetTimestamp();
    }

    /// <summary>Ends it.</summary>
    /// <param name="what">What took the time, for messages.</param>
    /// <returns>Joules; null if the counter cannot tell.</returns>
    public double? Stop(string what)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start);
        if (_before is not double before || Read() is not double after)
            return null;
        if (elapsed >= meter!.ShortestSpan)
            return after - before;
        WhyNot = string.Create(CultureInfo.InvariantCulture,
            $"{what} took {elapsed.TotalMilliseconds:0.#} ms, too short for counters that move every {meter.Interval.TotalMilliseconds:0.#} ms");
        return null;
    }

    private double? Read()
    {
        try
        {
            return meter?.Joules();
        }
        catch (IOException failure)
        {
            WhyNot = failure.Message;
            return null;
        }
    }
}
