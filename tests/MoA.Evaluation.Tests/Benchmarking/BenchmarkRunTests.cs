using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Attention.Policies;
using MoA.Engine.Energy;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.Numerics;
using MoA.Evaluation.Benchmarking;
using MoA.Search;
using MoA.Tests;

namespace MoA.Evaluation.Tests.Benchmarking;

/// <summary>What a run measures, apart from speed: nothing here depends on how fast the machine is.</summary>
public sealed class BenchmarkRunTests(DemoModel demo) : IClassFixture<DemoModel>
{
    // The demo model: 4 layers of 8 KV heads of size 32; keys and values in BF16 take 4 · 8 · 32 · 2 · 2 bytes a token.
    private const long BytesPerToken = 4096;

    // Tied: the head is the embedding, so a step reads all weights.
    private const long WeightBytes = 5902848;

    private static readonly BenchmarkPolicy[] DenseAndHalf =
    [
        new(new DensePolicy(), null, null),
        new(new StreamingLlmPolicy(new ElasticRule(0, 0.5)), "density=0.5", null),
    ];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Rows_come_by_length_batch_and_policy_with_exact_bytes(bool synthetic)
    {
        List<StepProgress> heard = [];
        IReadOnlyList<BenchmarkRow> rows = new BenchmarkRun(
            demo.Model, Settings(synthetic) with { Lengths = [252, 508], Batches = [1, 3] }, heard.Add).Run(DenseAndHalf);
        Assert.Equal(
            [(252, 1, "dense"), (252, 1, "streaming-llm"), (252, 3, "dense"), (252, 3, "streaming-llm"),
             (508, 1, "dense"), (508, 1, "streaming-llm"), (508, 3, "dense"), (508, 3, "streaming-llm")],
            rows.Select(row => (row.Length, row.Batch, row.Policy.Policy.Name)));
        Assert.Equal(Enumerable.Range(1, 8), heard.Select(progress => progress.Done));
        Assert.All(heard, progress => Assert.Equal(8, progress.Total));
        foreach (BenchmarkRow row in rows)
        {
            int capacity = row.Length + 4; // 256 or 512: whole blocks
            double kept = row.Policy.Policy is DensePolicy ? 1 : 0.5;
            Assert.Equal(kept, row.Density);
            Assert.Equal(row.Batch * capacity * kept * BytesPerToken, row.KvBytes);
            Assert.Equal(WeightBytes, row.WeightBytes);
            // Dense heads hold one row more at every step, length + 2.5 in the mean; the others are full.
            double held = row.Policy.Policy is DensePolicy ? row.Length + 2.5 : capacity / 2;
            Assert.Equal(WeightBytes + row.Batch * held * BytesPerToken, row.BytesPerStep, 1e-3);
            Assert.Equal(synthetic, row.PrefillTokensPerSecond is null);
            Assert.True(row.DecodeTokensPerSecond.Least > 0);
            Assert.True(row.BandwidthBytesPerSecond.Least > 0);
            Assert.InRange(row.PeakResidentBytes, row.KvBytes, 64L << 30);
            Assert.Equal(OperatingSystem.IsLinux(), row.PeakIsOfRow);
        }
    }

    [Fact]
    public void Shares_are_of_the_bandwidth_that_was_measured_before_and_after()
    {
        double measured = 0;
        BenchmarkRow row = Assert.Single(new BenchmarkRun(demo.Model, Settings(synthetic: true) with { Repeats = 3 }) { ReadBandwidth = () => measured += 1e9 }
            .Run(DenseAndHalf[..1]));
        Assert.Equal(new Spread(2.5e9, 1.5e9, 3.5e9), row.BandwidthBytesPerSecond);
    }

    [Fact]
    public void The_peak_is_each_rows_own()
    {
        if (!OperatingSystem.IsLinux())
            return;
        // 64 sequences of 4000 tokens take 1 GiB, which the row after it must not show.
        BenchmarkRow Measure(int batch) => Assert.Single(new BenchmarkRun(
            demo.Model, Settings(synthetic: true) with { Lengths = [4000], Batches = [batch], DecodeTokens = 1 }).Run(DenseAndHalf[..1]));
        BenchmarkRow large = Measure(64), small = Measure(1);
        Assert.True(large.PeakResidentBytes > large.KvBytes);
        Assert.True(small.PeakResidentBytes < large.PeakResidentBytes - (512L << 20));
    }

    /// <summary>
    /// 252 tokens and 4 new ones are 256, half of it 128 rows. H2O holds 128 at every step, and of 128 KV heads' memory at the end. SnapKV's prompt keeps 124,
    /// to which each of the 4 steps adds one: 126.5 in the mean, and memory for 128. InfLLM keeps all 256 and reads the sink and a window of 64
    /// tokens in whole blocks: from 128 on at 253 to 255 tokens, from 192 on at 256.
    /// </summary>
    [Theory]
    [InlineData("h2o:density=0.5", 128, 128)]
    [InlineData("snapkv:density=0.5", 126.5, 128)]
    [InlineData("infllm:density=0.5", 64 + (125 + 126 + 127 + 64) / 4.0, 256)]
    [InlineData("streaming-llm:density=0.5", 128, 128)]
    [InlineData("dense", 254.5, 256)]
    public void A_step_reads_the_rows_that_it_attends_to(string policy, double rowsRead, int rowsHeld)
    {
        foreach (int batch in new[] { 1, 2 })
        {
            BenchmarkPolicy read = Assert.Single(BenchmarkPolicy.Read([policy], [], demo.Model.Config));
            BenchmarkRow row = Assert.Single(new BenchmarkRun(demo.Model, Settings(synthetic: false) with { Batches = [batch] }).Run([read]));
            Assert.Equal(WeightBytes + batch * rowsRead * BytesPerToken, row.BytesPerStep, 1e-3);
            Assert.Equal(batch * rowsHeld * BytesPerToken, row.KvBytes);
            Assert.Equal(row.BytesPerStep * row.DecodeTokensPerSecond.Median / batch / row.BandwidthBytesPerSecond.Median, row.BandwidthShare.Median, 1e-9);
        }
    }

    [Fact]
    public void All_policies_are_measured_at_a_density()
    {
        IReadOnlyList<BenchmarkPolicy> policies = BenchmarkPolicy.Read(["dense", "all:density=0.5"], [], demo.Model.Config);
        IReadOnlyList<BenchmarkRow> rows = new BenchmarkRun(demo.Model, Settings(synthetic: true)).Run(policies);
        Assert.Equal(PolicyTable.All.Where(policy => policy.Name == DensePolicy.CommandName || (policy.TakesSize && !policy.NeedsHeadScores)).Select(policy => policy.Name), rows.Select(row => row.Policy.Policy.Name));
    }

    [Fact]
    public void What_does_not_fit_is_refused_before_anything_runs()
    {
        Refused(Settings(true) with { Lengths = [64, 4093] }, long.MaxValue, "--lengths 4093", "4 decoded tokens", "4096", "--synthetic-context");
        Refused(Settings(true) with { Batches = [513] }, long.MaxValue, "--batch 513", "512");
        // Dense takes 16 · 256 · 4 KiB = 16 MiB, half of it 8 MiB.
        Refused(Settings(true) with { Batches = [1, 16] }, 12L << 20, "dense", "--lengths 252 --batch 16", "16 MiB", "only 12 MiB");

        void Refused(BenchmarkSettings settings, long free, params string[] words) =>
            AssertRefused(settings with { Room = new MemoryRoom(WeightBytes, free) }, words);
    }

    [Fact]
    public void The_largest_batch_of_each_policy_fills_the_memory()
    {
        // Dense takes 256 · 4 KiB = 1 MiB a sequence at 252 + 4 tokens, half of it 512 KiB; at 508 + 4 twice as much. One byte less than
        // seven MiB holds six dense sequences, or thirteen of the others.
        const long Free = (7L << 20) - 1;
        BenchmarkSettings settings = Settings(synthetic: true) with { Lengths = [252, 508], LargestBatch = true, Room = new MemoryRoom(WeightBytes + 100, Free) };
        IReadOnlyList<BenchmarkRow> rows = new BenchmarkRun(demo.Model, settings).Run(DenseAndHalf);
        Assert.Equal([(252, 6), (252, 13), (508, 3), (508, 6)], rows.Select(row => (row.Length, row.Batch)));
        Assert.All(rows, row =>
        {
            Assert.InRange(row.KvBytes, Free - (row.KvBytes / row.Batch), Free);
            Assert.Equal(WeightBytes + 100 + row.KvBytes, row.ReckonedBytes);
        });
        // A pass takes 512 sequences, whatever the memory.
        Assert.Equal(512, Assert.Single(new BenchmarkRun(demo.Model, settings with { Lengths = [60], Room = new MemoryRoom(0, long.MaxValue) })
            .Run(DenseAndHalf[..1])).Batch);
    }

    // Kernels' scratch memory is not in the limit: here less than a MiB.
    [Theory]
    [InlineData("dense")]
    [InlineData("streaming-llm:density=0.5")]
    [InlineData("h2o:density=0.5")]
    [InlineData("snapkv:density=0.5")]
    [InlineData("pyramidkv:density=0.5")]
    [InlineData("infllm:density=0.5")]
    public void What_is_allocated_stays_within_the_limit(string policy)
    {
        foreach ((int length, bool synthetic) in new[] { (1, true), (252, false), (508, true) })
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(2);
            using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend);
            long elsewhere = model.Transformer.WeightBytes - model.Transformer.CopiedWeightBytes; // where they were loaded
            long limit = elsewhere + backend.AllocatedBytes + (8L << 20);
            BenchmarkSettings settings = Settings(synthetic) with { Lengths = [length], LargestBatch = true, Room = MemoryRoom.Of(model, limit) };
            BenchmarkRow row = Assert.Single(new BenchmarkRun(model, settings).Run(BenchmarkPolicy.Read([policy], [], model.Config)));
            Assert.InRange(elsewhere + backend.PeakBytes, row.KvBytes, limit + (1 << 20));
            Assert.InRange(row.ReckonedBytes, limit - (2 << 20), limit);
        }
    }

    [Fact]
    public void Not_even_one_sequence_is_refused_with_the_numbers()
    {
        BenchmarkSettings settings = Settings(synthetic: true) with { Lengths = [252, 508], LargestBatch = true };
        AssertRefused(settings with { Room = new MemoryRoom(5L << 20, (2L << 20) - 1) }, "dense, --lengths 508", "one sequence", "take 2 MiB", "beside 5 MiB", "only 2 MiB");
        AssertRefused(settings with { Room = new MemoryRoom(5L << 20, -1) }, "--lengths 252", "take 1 MiB", "only 0 MiB", "--memory-limit");
    }

    [Fact]
    public void A_limit_holds_weights_activations_and_caches()
    {
        long activations = demo.Model.Transformer.Backend.AllocatedBytes - demo.Model.Transformer.CopiedWeightBytes;
        Assert.True(activations > 0);
        Assert.Equal(new MemoryRoom(WeightBytes + activations, 1000), MemoryRoom.Of(demo.Model, WeightBytes + activations + 1000));
        MemoryRoom machine = MemoryRoom.Of(demo.Model);
        Assert.Equal(WeightBytes + activations, machine.HeldBytes);
        Assert.InRange(machine.FreeBytes, 1, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);
    }

    private void AssertRefused(BenchmarkSettings settings, params string[] words)
    {
        BenchmarkRun run = new(demo.Model, settings, _ => Assert.Fail("Something ran."));
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(() => run.Run(DenseAndHalf));
        Assert.All(words, word => Assert.Contains(word, refusal.Message));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Joules_are_shared_out_over_the_tokens(bool synthetic)
    {
        // Two sequences of 252 tokens take 8 joules between the first two readings, and their 4 steps 8 between the next two.
        using CountingMeter meter = new(8, TimeSpan.Zero);
        BenchmarkRow row = Assert.Single(new BenchmarkRun(demo.Model, Settings(synthetic) with { Batches = [2], Repeats = 2 }) { Energy = meter }
            .Run(DenseAndHalf[..1]));
        Assert.Equal(synthetic ? null : 8 / 504.0, row.PrefillJoulesPerToken?.Median);
        Assert.Equal(new Spread(1, 1, 1), row.DecodeJoulesPerToken);
        Assert.Null(row.WhyNoEnergy);
    }

    [Fact]
    public void What_a_meter_cannot_tell_is_left_out_with_the_reason()
    {
        using CountingMeter slow = new(8, TimeSpan.FromHours(1)), broken = new(null, TimeSpan.Zero);
        Assert.Contains("move every 3600000 ms", Without(slow), StringComparison.Ordinal);
        Assert.Equal("lost", Without(broken));
        Assert.Null(Without(null));

        string? Without(CountingMeter? meter)
        {
            BenchmarkRow row = Assert.Single(new BenchmarkRun(demo.Model, Settings(synthetic: true)) { Energy = meter }.Run(DenseAndHalf[..1]));
            Assert.Null(row.PrefillJoulesPerToken);
            Assert.Null(row.DecodeJoulesPerToken);
            return row.WhyNoEnergy;
        }
    }

    private sealed class CountingMeter(double? perReading, TimeSpan interval) : EnergyMeter
    {
        private double _joules;

        public override string Source => "counting";

        public override TimeSpan Interval => interval;

        public override double Joules() => _joules += perReading ?? throw new IOException("lost");
    }

    private static BenchmarkSettings Settings(bool synthetic) => new()
    {
        Lengths = [252],
        Batches = [1],
        DecodeTokens = 4,
        Repeats = 1,
        SyntheticContext = synthetic,
        CacheType = ElementType.BF16,
        Threads = 2,
    };
}
