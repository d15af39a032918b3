using System.Diagnostics;
using MoA.Gpu.Device;

namespace MoA.Gpu.Benchmarks.Parts;

/// <summary>Times launches: as many at a time as take a while, so that what one waits for is small.</summary>
internal static class DeviceClock
{
    private const double LeastSeconds = 0.02;
    private const int Rounds = 3, Most = 1000;

    /// <summary>Seconds of one launch: the best of a few rounds.</summary>
    public static double Seconds(DeviceSession session, Action launch)
    {
        _ = Time(session, launch, 1);
        double once = Time(session, launch, 1), best = once;
        if (session.Cuda is null)
            return once;
        int count = (int)Math.Clamp(LeastSeconds / once, 1, Most);
        for (int round = 0; round < Rounds; round++)
            best = Math.Min(best, Time(session, launch, count));
        return best;
    }

    private static double Time(DeviceSession session, Action launch, int count)
    {
        session.Accelerator.Synchronize();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < count; i++)
            launch();
        session.Accelerator.Synchronize();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / count;
    }
}
