using System.Diagnostics;
using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;

namespace MoA.Engine.Tests.Models;

/// <summary>Where a step's time goes: every moment under one operation, and nothing about the step changes.</summary>
public sealed class PassClockTests
{
    [Theory]
    [InlineData("llama-gqa-llama3", AttentionMode.Decode)]
    [InlineData("llama-gqa-llama3", AttentionMode.Prefill)]
    [InlineData("qwen3", AttentionMode.Decode)]
    internal void Operations_add_up_to_the_step_and_change_nothing(string name, AttentionMode mode)
    {
        const int Threads = 2, Steps = 3;
        using ModelFixture fixture = ModelFixture.Load(name);
        using ComputeBackend backend = ComputeBackend.CreateCpu(Threads);
        using Transformer transformer = new(fixture.Model, backend);
        int rows = mode == AttentionMode.Decode ? 1 : 20;
        float[] plain = Run(null), timed = Run(new PassClock(transformer));
        Assert.Equal(plain, timed);

        float[] Run(PassClock? clock)
        {
            using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), Steps * rows);
            ForwardBatch batch = transformer.CreateBatch();
            float[] logits = new float[Steps * transformer.Config.VocabularySize];
            Span<int> token = stackalloc int[1];
            long atLeast = 0, atMost = 0;
            for (int step = 0; step < Steps; step++)
            {
                long before = Stopwatch.GetTimestamp();
                clock?.Start();
                long started = Stopwatch.GetTimestamp();
                batch.Clear();
                _ = batch.Add(sequence, fixture.Tokens.AsSpan(step * rows, rows), mode);
                transformer.Forward(batch);
                transformer.Draw(batch, [rows - 1], [default(TokenDraw)], token);
                transformer.Logits(batch, [rows - 1], logits.AsSpan(step * transformer.Config.VocabularySize));
                long ending = Stopwatch.GetTimestamp();
                clock?.Stop();
                clock?.Stop(); // nothing runs: nothing is added
                atLeast += ending - started;
                atMost += Stopwatch.GetTimestamp() - before;
            }

            if (clock is not null)
                Check(clock, atLeast, atMost);
            Assert.Null(transformer.Clock);
            Assert.Null(backend.Workers!.Times);
            return logits;
        }

        void Check(PassClock clock, long atLeast, long atMost)
        {
            Assert.Equal((Threads, Steps), (clock.Threads, clock.Steps));
            long sum = 0;
            foreach (PassOperation operation in Enum.GetValues<PassOperation>())
            {
                OperationTimes times = clock[operation];
                sum += times.Wall;
                Assert.Equal(Threads * times.Jobs.Inside, times.Jobs.Busy + times.Jobs.Starting + times.Jobs.Ending);
                Assert.InRange(times.Jobs.Inside, 0, times.Wall);
                // Two layers in each fixture; single rows are copied without a job.
                bool hasJobs = operation is not (PassOperation.Embedding or PassOperation.Selection or PassOperation.Router or PassOperation.Other) && (operation != PassOperation.QueryKeyNorm || name == "qwen3");
                int least = operation is PassOperation.FinalNorm or PassOperation.Head or PassOperation.Draw ? Steps : 2 * Steps;
                Assert.InRange(times.Jobs.Jobs, hasJobs ? least : 0, hasJobs ? 100 * Steps : 0);
            }

            Assert.InRange(sum, atLeast, atMost);
        }
    }

    [Fact]
    public void A_step_that_ends_early_leaves_nothing_behind()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer transformer = new(fixture.Model, backend);
        PassClock clock = new(transformer);
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), 8);
        ForwardBatch batch = transformer.CreateBatch();
        _ = batch.Add(sequence, fixture.Tokens.AsSpan(0, 8), AttentionMode.Prefill);
        clock.Start();
        _ = Assert.Throws<OperationCanceledException>(() => transformer.Forward(batch, new CancellationToken(true)));
        clock.Stop();
        Assert.Null(transformer.Clock);
        Assert.Null(backend.Workers!.Times);
        Assert.Equal(0, clock[PassOperation.Attention].Wall);
    }
}
