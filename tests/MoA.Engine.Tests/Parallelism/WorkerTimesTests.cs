using System.Diagnostics;
using MoA.Engine.Parallelism;

namespace MoA.Engine.Tests.Parallelism;

/// <summary>Every moment of every thread within a job is counted once, under the right heading.</summary>
public sealed class WorkerTimesTests
{
    private static readonly long Pause = Stopwatch.Frequency / 50; // 20 ms

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void The_parts_add_up_to_threads_times_the_jobs(int threads)
    {
        WorkerTimes times = new(threads);
        using WorkerPool pool = new(threads) { Times = times };
        PoolTimes before = times.Total;
        for (int round = 1; round <= 2000; round++)
        {
            Work job = new(round % 7 * 20);
            long start = Stopwatch.GetTimestamp();
            pool.Run(ref job, round % 9);
            long wall = Stopwatch.GetTimestamp() - start;
            PoolTimes now = times.Total, one = default;
            one.AddSince(now, before);
            before = now;
            Assert.Equal(1, one.Jobs);
            Assert.InRange(one.Inside, 0, wall);
            Assert.All([one.Busy, one.Starting, one.Ending], part => Assert.InRange(part, 0, threads * one.Inside));
            Assert.Equal(threads * one.Inside, one.Busy + one.Starting + one.Ending);
        }
    }

    /// <summary>Three threads, of which one has items: of the others one came too late if there were two items, both if there were more.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 0)]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(64, 2)]
    public void Who_got_no_item_came_too_late_or_had_none(int items, int late)
    {
        WorkerTimes times = new(3);
        times.Begin(items);
        times.First(1);
        Thread.Sleep(5);
        times.Last(1);
        times.End();
        PoolTimes total = times.Total;
        long others = total.Inside - total.Busy; // what the busy thread lost at its start and end
        Assert.InRange(total.Starting, late * total.Inside, late * total.Inside + others);
        Assert.InRange(total.Ending, (2 - late) * total.Inside, (2 - late) * total.Inside + others);
        Assert.Equal(3 * total.Inside, total.Busy + total.Starting + total.Ending);
    }

    [Theory]
    [InlineData(1, 1)] // one thread has the item, three have none and wait for it
    [InlineData(4, 4)] // each has one, and works until the end
    public void Threads_without_an_item_wait_for_the_others(int items, int busy)
    {
        WorkerTimes times = new(4);
        using WorkerPool pool = new(4) { Times = times };
        using Barrier meeting = new(items);
        Sleep job = new(meeting, -1);
        pool.Run(ref job, items);
        Assert.InRange(times.Total.Busy, busy * Pause, busy * times.Total.Inside);
        Assert.True(times.Total.Ending >= (4 - items) * times.Total.Inside);
    }

    [Fact]
    public void What_one_thread_does_longer_the_others_wait_at_the_end()
    {
        WorkerTimes times = new(3);
        using WorkerPool pool = new(3) { Times = times };
        using Barrier meeting = new(3);
        Sleep job = new(meeting, 0); // all begin together, only one sleeps
        pool.Run(ref job, 3);
        Assert.InRange(times.Total.Busy, Pause, 3 * times.Total.Inside);
        Assert.InRange(times.Total.Ending, 1, 2 * times.Total.Inside);
    }

    [Fact]
    public void A_failed_job_is_counted_and_the_next_ones_times_are_its_own()
    {
        WorkerTimes times = new(2);
        using WorkerPool pool = new(2) { Times = times };
        Fail failing = default;
        foreach (int items in new[] { 1, 8 })
            _ = Assert.Throws<DivideByZeroException>(() => pool.Run(ref failing, items));
        PoolTimes failed = times.Total, next = default;
        Assert.Equal(2, failed.Jobs);
        Work job = new(10);
        pool.Run(ref job, 8);
        next.AddSince(times.Total, failed);
        Assert.Equal((1, 2 * next.Inside), (next.Jobs, next.Busy + next.Starting + next.Ending));
        pool.Times = null;
        pool.Run(ref job, 8);
        Assert.Equal(3, times.Total.Jobs);
    }

    private readonly struct Work(int spins) : IParallelJob
    {
        public void Run(int index, int worker) => Thread.SpinWait(spins);
    }

    private readonly struct Sleep(Barrier meeting, int only) : IParallelJob
    {
        public void Run(int index, int worker)
        {
            _ = meeting.SignalAndWait(TimeSpan.FromSeconds(30));
            if (only < 0 || only == index)
                Thread.Sleep(25);
        }
    }

    private readonly struct Fail : IParallelJob
    {
        public void Run(int index, int worker) => throw new DivideByZeroException();
    }
}
