using System.Runtime.Intrinsics;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Parallelism;
using MoA.Tests;

namespace MoA.Engine.Tests.KvCache;

/// <summary>What a plan really saves on the demo model (4 layers × 8 heads × 32), and what a decode step allocates.</summary>
public sealed class DemoMemoryTests
{
    private const int Length = 2048;

    // More steps than are counted: rows are chosen before the first.
    private const int Every = 390;

    /// <summary>At 2048 tokens these keep 256, 1024, 2048, 128, 640, 128, 704 and 960 rows.</summary>
    private static readonly ElasticRule[] Rules =
        [new(0, 0.125), new(0, 0.5), new(0, 1), new(-1920, 1), new(100, 0.25), new(64, 0), new(700, 0), new(-100, 0.5)];

    [Theory]
    [InlineData(ElementType.F32, 4)]
    [InlineData(ElementType.BF16, 2)]
    public void The_bytes_that_a_plan_saves_are_not_allocated(ElementType type, int elementSize)
    {
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.DemoModel);
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(model, backend);
        PlanPolicy plan = new(new AttentionPlan(
            [.. Enumerable.Range(0, 4).Select(layer => Rules.Skip(layer).Concat(Rules.Take(layer)).ToArray())],
            HeadKind.Query));
        long planRows = 4 * (256 + 1024 + 2048 + 128 + 640 + 128 + 704 + 960);
        long denseRows = 4 * 8 * 2048;

        long plain = Allocated(new DensePolicy(), denseRows * 2 * 32 * elementSize);
        long sparse = Allocated(plan, planRows * 2 * 32 * elementSize);
        Assert.Equal((denseRows - planRows) * 2 * 32 * elementSize, plain - sparse);

        long Allocated(AttentionPolicy policy, long expected)
        {
            long before = backend.Allocator.AllocatedBytes;
            using SequenceCache sequence = transformer.CreateSequence(policy, Length, type);
            long bytes = backend.Allocator.AllocatedBytes - before;
            Assert.Equal(expected, bytes);
            Assert.Equal(expected, sequence.Bytes);
            Assert.Equal(expected, SequenceCache.EstimateBytes(model.Config, policy, Length, type));
            return bytes;
        }
    }

    /// <summary>
    /// Hundreds of steps of two sequences side by side, one greedy and one with every filter, counted on each thread by itself,
    /// since other tests run meanwhile. Counting itself takes 80 bytes, and the runtime 40 when a worker first goes to sleep:
    /// hence less than a byte a step, in one of two stretches of steps: what the runtime does once is in the other. Those that choose rows again do so before the first
    /// of them.
    /// </summary>
    [Theory]
    [InlineData(ElementType.F32, false)]
    [InlineData(ElementType.BF16, false)]
    [InlineData(ElementType.BF16, true)]
    [InlineData(ElementType.BF16, false, true)]
    [InlineData(ElementType.BF16, true, false, true)]
    [InlineData(ElementType.F32, false, false, false, true)]
    [InlineData(ElementType.BF16, true, false, false, true)]
    public void A_decode_step_allocates_no_memory(ElementType type, bool byAttention, bool lookup = false, bool timed = false, bool choosesAgain = false)
    {
        const int threads = 3, Windows = 2;
        int steps = lookup ? 90 : 150;
        using LoadedModel model = HuggingFaceFolder.Load(RepositoryFiles.DemoModel);
        using CpuBackend<Simd256, Vector256<float>> backend = new(new WorkerPool(threads));
        using Transformer transformer = new(model, backend);
        ElasticRule rule = new(0, 0.125); // 256 rows: less than the prompt, so that every step evicts one
        AttentionPolicy policy = (byAttention, choosesAgain) switch
        {
            (true, true) => new SnapKvPolicy(rule) { Every = Every },
            (false, true) => new KeyDiffPolicy(rule) { Every = Every },
            (true, _) => new H2oPolicy(rule),
            _ => new PlanPolicy(AttentionPlan.Uniform(4, 8, HeadKind.KeyValue, rule)),
        };
        AttentionPolicy other = (byAttention, choosesAgain) switch
        {
            (true, true) => new AdaKvPolicy(rule, new ExpectedAttentionScorer()) { Every = Every },
            (false, true) => new PyramidKvPolicy(rule) { Every = Every },
            (true, _) => new InfLlmPolicy(rule),
            _ => new DensePolicy(),
        };
        using SequenceCache first = transformer.CreateSequence(policy, Length, type);
        using SequenceCache second = transformer.CreateSequence(other, Length, type);
        GenerationLoop loop = new(transformer);
        PassClock? clock = timed ? new PassClock(transformer) : null;
        int[] prompt = [.. Enumerable.Range(0, 300).Select(i => i * 7 % 1000)];
        Join(first, prompt, SamplingOptions.Greedy);
        Join(second, prompt[..50], new SamplingOptions { Temperature = 0.8, TopK = 50, TopP = 0.95, MinP = 0.01, Seed = 1 });
        Steps(lookup ? 150 : 20); // drafts come once a text repeats itself, and arrays have grown when the longest have
        long nativeBytes = backend.Allocator.AllocatedBytes;
        long[][] allocated = new long[Windows + 1][];
        allocated[0] = AllocatedOnEachThread();
        for (int window = 1; window <= Windows; window++)
        {
            Steps(steps);
            allocated[window] = AllocatedOnEachThread();
        }

        Assert.Equal(2, loop.ActiveRuns);
        for (int worker = 0; worker < threads; worker++)
            Assert.InRange(Enumerable.Range(1, Windows).Min(window => allocated[window][worker] - allocated[window - 1][worker]), 0, steps - 1);
        Assert.Equal(nativeBytes, backend.Allocator.AllocatedBytes);

        void Join(SequenceCache sequence, int[] tokens, SamplingOptions sampling) => loop.Add(new GenerationRun(
            sequence, tokens, lookup ? 1500 : 400, new Sampler(sampling, model.Config.VocabularySize), new HashSet<int>(),
            lookup: lookup ? new PromptLookup(sequence.Capacity) : null));

        void Steps(int count)
        {
            for (int i = 0; i < count; i++)
            {
                clock?.Start();
                _ = loop.Step();
                clock?.Stop();
            }
        }

        long[] AllocatedOnEachThread()
        {
            ReadAllocated job = new(new long[threads], new int[1]);
            backend.Pool.Run(ref job, threads);
            return job.Bytes;
        }
    }

    /// <summary>One item for each thread: none ends before all have begun.</summary>
    private readonly struct ReadAllocated(long[] bytes, int[] begun) : IParallelJob
    {
        public long[] Bytes => bytes;

        public void Run(int index, int worker)
        {
            bytes[worker] = GC.GetAllocatedBytesForCurrentThread();
            _ = Interlocked.Increment(ref begun[0]);
            SpinWait wait = default;
            while (Volatile.Read(ref begun[0]) < bytes.Length)
                wait.SpinOnce();
        }
    }
}
