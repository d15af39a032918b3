using System.Diagnostics;
using MoA.Gpu.Benchmarks.Report;

namespace MoA.Gpu.Benchmarks;

/// <summary>A part of a run: its name, its time, and where its results go. What fails is a row, not the end.</summary>
internal sealed class PartScope(string name, ResultLog log, double seconds)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    public string Name => name;

    /// <summary>Seconds of the part's time that are left.</summary>
    public double Left => seconds - Stopwatch.GetElapsedTime(_start).TotalSeconds;

    /// <summary>Does some of the part's work if there is time, and writes down why it could not be done.</summary>
    /// <param name="what">What it is.</param>
    /// <param name="work">The work.</param>
    /// <param name="least">Seconds that must be left for it to begin.</param>
    public void Guard(string what, Action work, double least = 0)
    {
        if (Left <= least)
        {
            log.LeaveOut(name, what);
            return;
        }

        Console.Error.WriteLine($"{name}: {what} ({Left:0} s)");
        try
        {
            work();
        }
#pragma warning disable CA1031 // One measurement that fails, in whichever way, must not cost the others.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            log.Fail(name, what, failure);
        }
    }

    public void Row(string what, params ReadOnlySpan<(string Key, object? Value)> figures) => log.Row(name, what, null, figures);

    /// <summary>A comparison.</summary>
    public void Check(string what, double error, double limit) => log.Row(name, what, error <= limit, [("error", error), ("limit", limit)]);

    public void Check(string what, bool holds, params ReadOnlySpan<(string Key, object? Value)> figures) => log.Row(name, what, holds, figures);

    public void Skip(string what, string why) => log.Skip($"{name}: {what}", why);
}
