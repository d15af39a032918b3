using MoA.Engine.Parallelism;

namespace MoA.Engine.Tests.Parallelism;

public sealed class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    public void Every_item_runs_once_on_a_worker_of_the_pool(int threads)
    {
        using WorkerPool pool = new(threads);
        foreach (int count in new[] { 0, 1, 2, 3, 7, 64, 1000, 20_000 })
        {
            CountRuns job = new(new int[count], new int[threads]);
            pool.Run(ref job, count);
            Assert.All(job.Runs, runs => Assert.Equal(1, runs));
            Assert.Equal(count, job.Workers.Sum());
        }
    }

    /// <summary>Jobs follow each other without a pause, so that late workers meet the next job's items.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void Thousands_of_tiny_jobs_lose_and_repeat_nothing(int threads)
    {
        using WorkerPool pool = new(threads);
        int[] runs = new int[5];
        int[] workers = new int[threads];
        for (int round = 1; round <= 20_000; round++)
        {
            int count = 2 + round % 4;
            Array.Clear(runs);
            CountRuns job = new(runs, workers);
            pool.Run(ref job, count);
            for (int i = 0; i < runs.Length; i++)
                Assert.Equal(i < count ? 1 : 0, runs[i]);
        }
    }

    [Fact]
    public void Workers_that_fell_asleep_wake_for_the_next_job()
    {
        using WorkerPool pool = new(3);
        for (int round = 0; round < 5; round++)
        {
            Thread.Sleep(30); // longer than workers spin
            using Barrier meeting = new(3);
            MeetAll job = new(meeting);
            pool.Run(ref job, 3);
            Assert.Equal(1, meeting.CurrentPhaseNumber);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_failure_reaches_the_caller_and_leaves_the_pool_usable(int threads)
    {
        using WorkerPool pool = new(threads);
        for (int failing = 0; failing < 20; failing++)
        {
            FailOne job = new(failing);
            DivideByZeroException failure = Assert.Throws<DivideByZeroException>(() => pool.Run(ref job, 20));
            Assert.Equal($"item {failing}", failure.Message);
            CountRuns next = new(new int[20], new int[threads]);
            pool.Run(ref next, 20);
            Assert.All(next.Runs, runs => Assert.Equal(1, runs));
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 4)]
    [InlineData(3, 1)]
    [InlineData(3, 4)]
    public void A_job_that_starts_another_is_refused(int threads, int innerCount)
    {
        using WorkerPool pool = new(threads);
        StartAnother job = new(pool, innerCount);
        _ = Assert.Throws<InvalidOperationException>(() => pool.Run(ref job, 5));
        CountRuns next = new(new int[20], new int[threads]);
        pool.Run(ref next, 20);
        Assert.All(next.Runs, runs => Assert.Equal(1, runs));
    }

    [Fact]
    public void A_pool_may_be_disposed_twice_and_idle()
    {
        WorkerPool pool = new(4);
        pool.Dispose();
        pool.Dispose();
    }

    [Fact]
    public void A_pool_needs_a_thread() => Assert.Throws<ArgumentOutOfRangeException>(() => new WorkerPool(0));

    private readonly struct CountRuns(int[] runs, int[] workers) : IParallelJob
    {
        public int[] Runs => runs;

        public int[] Workers => workers;

        public void Run(int index, int worker)
        {
            _ = Interlocked.Increment(ref runs[index]);
            workers[worker]++; // no other thread has this worker's number
        }
    }

    private readonly struct MeetAll(Barrier meeting) : IParallelJob
    {
        public void Run(int index, int worker) => Assert.True(meeting.SignalAndWait(TimeSpan.FromSeconds(30)));
    }

    private readonly struct FailOne(int failing) : IParallelJob
    {
        public void Run(int index, int worker)
        {
            if (index == failing)
                throw new DivideByZeroException($"item {index}");
        }
    }

    private readonly struct StartAnother(WorkerPool pool, int count) : IParallelJob
    {
        public void Run(int index, int worker)
        {
            CountRuns job = new(new int[count], new int[pool.Threads]);
            pool.Run(ref job, count);
        }
    }
}
