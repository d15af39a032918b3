using System.Diagnostics;
using MoA.Engine.Energy;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tokenization;
using MoA.Search.Profiling;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>Profiling: an item of each length, and what fifty of them would take.</summary>
internal sealed class ProfilePart(PartScope scope, GpuBackend backend, CardSizes sizes)
{
    private const int Items = 50, MostAnswers = 64;

    // An item twice as long takes up to four times as long.
    private const double Growth = 4;

    private double _last;

    public void Run()
    {
        _ = backend.Gauge.TryOpenMeter(out EnergyMeter? meter, out _);
        using (meter)
        {
            using LoadedModel model = RandomModel.Describe(ModelShape.Parse(sizes.Model), ElementType.BF16, sizes.Model);
            foreach (int length in sizes.ProfiledLengths)
                scope.Guard($"{length} tokens", () => Measure(model, length, meter), Growth * _last);
        }
    }

    private void Measure(LoadedModel model, int length, EnergyMeter? meter)
    {
        using InfluenceProfiler profiler = new(model, backend, length);
        int[] tokens = Passes.Tokens(length + 1, model.Config.VocabularySize);
        ProfileItem item = new(tokens, [new AnswerSpan(length + 1 - Math.Min(MostAnswers, length / 2), length + 1)], "random tokens");
        backend.Gauge.ResetPeak();
        // The first item compiles the kernels; with time left for a second one, that is the one that counts.
        (double seconds, double? joules, double loss) = Time(profiler, item, meter);
        bool isFirst = scope.Left < 1.5 * seconds;
        if (!isFirst)
            (seconds, joules, loss) = Time(profiler, item, meter);
        _last = seconds;
        scope.Row(
            $"{length} tokens", ("length", length), ("secondsPerItem", seconds), ("minutesForFifty", Items * seconds / 60), ("joulesPerItem", joules),
            ("kilojoulesForFifty", Items * joules / 1000), ("peakBytes", backend.PeakBytes), ("loss", loss), ("withCompiling", isFirst ? "yes" : "no"));
    }

    private (double Seconds, double? Joules, double Loss) Time(InfluenceProfiler profiler, ProfileItem item, EnergyMeter? meter)
    {
        double? before = Read(meter);
        long start = Stopwatch.GetTimestamp();
        ItemInfluence influence = profiler.Profile(item);
        backend.Session.Accelerator.Synchronize();
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        return (elapsed.TotalSeconds, meter is not null && elapsed >= meter.ShortestSpan ? Read(meter) - before : null, influence.Loss);
    }

    private static double? Read(EnergyMeter? meter)
    {
        try
        {
            return meter?.Joules();
        }
        catch (IOException)
        {
            return null;
        }
    }
}
