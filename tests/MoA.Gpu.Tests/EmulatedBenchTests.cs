using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Energy;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Numerics;
using MoA.Evaluation.Benchmarking;
using MoA.Evaluation.Estimates;
using MoA.Gpu.Weights;

namespace MoA.Gpu.Tests;

/// <summary>What <c>moa bench</c> does on a device: its own memory, bandwidth and counter, and weights that it draws itself.</summary>
public sealed unsafe class EmulatedBenchTests
{
    private const string Shape = "hidden=16,layers=1,heads=1,intermediate=16,vocabulary=24,context=4096";

    [Fact]
    public void The_largest_batch_fills_what_the_device_has_free()
    {
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1, memoryLimit: 4 << 20);
        using LanguageModel model = Tiny(backend);
        MemoryRoom room = MemoryRoom.Of(model);
        Assert.Equal((backend.AllocatedBytes, (4 << 20) - backend.AllocatedBytes), (room.HeldBytes, room.FreeBytes));
        Assert.Equal(backend.AllocatedBytes, ModelMemory.Of(model).Sum(part => part.Bytes)); // weights once
        // Keys and values of a head of sixteen BF16 numbers, 64 bytes a row; a sink of 64 rows and as many besides.
        const int Caches = 64 * 128;
        long limit = room.HeldBytes + 2 * Caches + 1000;
        BenchmarkSettings settings = new()
        {
            Lengths = [6],
            DecodeTokens = 2,
            LargestBatch = true,
            SyntheticContext = true,
            Repeats = 1,
            Threads = 1,
            Room = MemoryRoom.Of(model, limit),
        };
        BenchmarkRow row = Assert.Single(new BenchmarkRun(model, settings).Run([new BenchmarkPolicy(new DensePolicy(), null, null)]));
        Assert.Equal((2, limit - 1000, 2L * Caches), (row.Batch, row.ReckonedBytes, row.KvBytes));
        Assert.True(row.PeakIsOfRow);
        // The device's memory and not the process's; tables of a batch come on top.
        Assert.InRange(row.PeakResidentBytes, limit, limit + (64 << 10));
        Assert.InRange(row.BandwidthBytesPerSecond.Median, 1, double.MaxValue);
        Assert.Equal(room.FreeBytes, MemoryRoom.Of(model, 1L << 40).FreeBytes, 64d * 1024);
    }

    [Fact]
    public void What_measures_the_bandwidth_counts_in_no_models_memory_and_joules_are_the_devices()
    {
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        long before = backend.AllocatedBytes;
        Assert.InRange(backend.Gauge.CopyBandwidth(), 1, double.MaxValue);
        Assert.Equal((before, before), (backend.AllocatedBytes, backend.PeakBytes));
        Assert.False(backend.Gauge.TryOpenMeter(out EnergyMeter? meter, out string? whyNot));
        Assert.Null(meter);
        Assert.Equal("the energy of device emulated is not counted: it is no NVIDIA GPU", whyNot);
    }

    public static TheoryData<ElementType> Types => [.. ElementTypes.All.Where(PlacedWeight.Takes)];

    /// <summary>The moments that the drawing promises, read through the kernel that reads weights; hidden sizes that fill blocks of 256.</summary>
    [Theory]
    [MemberData(nameof(Types))]
    public void Weights_that_the_device_draws_have_mean_0_and_keep_activations_in_size(ElementType type)
    {
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        WeightTensor described = new("w", type, 16, 512, null) { Random = new RandomContent(7, 0.5f) };
        WeightTensor weight = backend.Place(described);
        using (backend.Use())
        {
            using Tensor rows = backend.Allocate(16, 512);
            backend.Embed([.. Enumerable.Range(0, 16)], weight, rows);
            float[] numbers = backend.Read(rows, 16);
            double mean = numbers.Average(), deviation = Math.Sqrt(numbers.Average(number => (double)number * number));
            // 8192 numbers: 0.0055 of the deviation each.
            Assert.InRange(mean, -0.02, 0.02);
            Assert.InRange(deviation, 0.48, 0.52);
            Assert.InRange(numbers.Distinct().Count(), type is ElementType.Q4_0 ? 8 : 16, int.MaxValue);
            Assert.NotEqual(numbers[..512], numbers[512..1024]);
        }

        ((IDisposable)weight).Dispose();
    }

    [Fact]
    public void Rows_that_fill_no_octets_are_padded_with_zeros()
    {
        using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
        WeightTensor weight = backend.Place(new WeightTensor("w", ElementType.BF16, 3, 13, null) { Random = new RandomContent(1, 1) });
        using (backend.Use())
        {
            using Tensor rows = backend.Allocate(3, 13);
            backend.Embed([0, 1, 2], weight, rows);
            float[] padded = Emulated.Read(Gpu.Device.DeviceTensor.Of(rows).Quads(3), 13);
            Assert.DoesNotContain(0f, padded);
        }

        ((IDisposable)weight).Dispose();
    }

    [Fact]
    public void Logits_are_finite_and_the_seed_alone_decides_them()
    {
        float[] first = Logits(3), again = Logits(3), other = Logits(4);
        Assert.All(first, logit => Assert.True(float.IsFinite(logit)));
        Assert.InRange(Math.Sqrt(first.Average(logit => logit * logit)), 0.3, 3);
        Assert.Equal(first, again);
        Assert.NotEqual(first, other);

        static float[] Logits(ulong seed)
        {
            using GpuBackend backend = GpuBackend.Open("emulated:4", 1);
            using LanguageModel model = Tiny(backend, seed);
            using SequenceCache sequence = model.Transformer.CreateSequence(new DensePolicy(), 8);
            ForwardBatch batch = model.Transformer.CreateBatch();
            int row = batch.Add(sequence, [1, 2, 3], AttentionMode.Prefill) + 2;
            model.Transformer.Forward(batch);
            float[] logits = new float[model.Config.VocabularySize];
            model.Transformer.Logits(batch, [row], logits);
            return logits;
        }
    }

    /// <summary>The shape of a model of 13 GB takes a few megabytes here: its norms, and what describes its matrices.</summary>
    [Fact]
    public void Described_weights_take_no_memory_of_the_processor()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        using Engine.Models.Loading.LoadedModel model =
            Engine.Models.Loading.RandomModel.Describe(ModelShape.Parse("vicuna-7b"), ElementType.BF16, "vicuna-7b");
        Assert.InRange(model.Weights.Bytes, 13_000_000_000, 14_000_000_000);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void The_processor_refuses_them()
    {
        using ComputeBackend processor = ComputeBackend.CreateCpu(1);
        Assert.Contains("moa model random", Assert.Throws<InvalidInputException>(
            () => LanguageModel.Random(ModelShape.Parse(Shape), ElementType.BF16, "tiny", processor)).Message, StringComparison.Ordinal);
    }

    private static LanguageModel Tiny(GpuBackend backend, ulong seed = 0) =>
        LanguageModel.Random(ModelShape.Parse(Shape), ElementType.BF16, "tiny", backend, seed, maxRows: 64);
}
