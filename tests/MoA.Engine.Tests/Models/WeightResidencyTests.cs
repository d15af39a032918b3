using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Generation;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Files;
using MoA.Engine.Tests.Generation;
using MoA.Engine.Tests.Models.Loading;
using MoA.Tests;

namespace MoA.Engine.Tests.Models;

/// <summary>Weights that are read where files are mapped, and copies of them: the same numbers, counted once, gone with the model.</summary>
public sealed class WeightResidencyTests
{
    public static TheoryData<string, ElementType?> Models => new()
    {
        { "llama-mha", null }, { "qwen2-bf16", null }, { "qwen3", null }, // F32 and BF16, with biases and head norms, tied and not
        { "random", ElementType.F16 }, { "random", ElementType.Q8_0 }, { "random", ElementType.Q4_0 }, { "random", ElementType.Q4_K },
        { "random", ElementType.Q5_K }, { "random", ElementType.Q6_K }, { "random", ElementType.Q4_1 }, { "random", ElementType.Q5_0 },
        { "random", ElementType.Q5_1 }, { "random", ElementType.Q2_K }, { "random", ElementType.Q3_K }, { "random", ElementType.IQ4_NL },
        { "random", ElementType.IQ4_XS }, { "random", ElementType.MXFP4 },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Logits_are_the_same_to_the_bit(string name, ElementType? type)
    {
        using TemporaryFolder folder = new();
        using LoadedModel model = Load(name, type, folder);
        int[] tokens = [.. Enumerable.Range(3, 40)];
        using ComputeBackend backend = ComputeBackend.CreateCpu(2);
        using Transformer mapped = new(model, backend), copied = new(model, backend);
        copied.CopyWeights();
        Assert.Equal((0, model.Weights.CopyBytes), (mapped.CopiedWeightBytes, copied.CopiedWeightBytes));
        foreach ((int chunk, AttentionMode mode) in new[] { (40, AttentionMode.Prefill), (7, AttentionMode.Prefill), (1, AttentionMode.Decode) })
            Assert.Equal(Logits(mapped, tokens, chunk, mode), Logits(copied, tokens, chunk, mode));
    }

    /// <summary>What is multiplied: all but norms, biases, and an embedding that is not the head.</summary>
    [Theory]
    [InlineData("llama-mha")]
    [InlineData("qwen2-bf16")]
    [InlineData("qwen3")]
    public void A_copy_is_counted_shared_and_freed(string name)
    {
        using ModelFixture fixture = ModelFixture.Load(name);
        ModelConfig shape = fixture.Model.Config;
        long size = fixture.Model.Weights.Head.Type.RowBytes(1);
        long inputs = shape.HiddenSize, heads = (long)shape.QueryHeads * shape.HeadSize, keys = (long)shape.KeyValueHeads * shape.HeadSize;
        long expected = size * (shape.VocabularySize * inputs + shape.Layers * (2 * heads * inputs + 2 * keys * inputs + 3L * shape.IntermediateSize * inputs));
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using (Transformer first = new(fixture.Model, backend, maxRows: 8))
        {
            long before = backend.AllocatedBytes;
            first.CopyWeights();
            Assert.Equal(before + expected, backend.AllocatedBytes);
            first.CopyWeights();
            Assert.Equal(before + expected, backend.AllocatedBytes);
            using (Transformer second = new(fixture.Model, backend, maxRows: 8))
            {
                long both = backend.AllocatedBytes;
                second.CopyWeights();
                Assert.Equal(both, backend.AllocatedBytes);
                Assert.Equal((expected, expected), (first.CopiedWeightBytes, second.CopiedWeightBytes));
            }

            Assert.Equal(before + expected, backend.AllocatedBytes);
            using ComputeBackend other = ComputeBackend.CreateCpu(1);
            using Transformer elsewhere = new(fixture.Model, other, maxRows: 8);
            elsewhere.CopyWeights();
            Assert.Equal(expected, elsewhere.CopiedWeightBytes);
        }

        using Transformer last = new(fixture.Model, backend, maxRows: 8);
        Assert.Equal(0, last.CopiedWeightBytes);
        last.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => last.CopyWeights());
    }

    [Fact]
    public void What_a_model_held_is_freed_with_it()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        long before = backend.AllocatedBytes;
        using (LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend, residency: WeightResidency.Mapped))
        {
            WeightRoom room = model.PlaceWeights(WeightResidency.Copied);
            Assert.Equal(room.CopyBytes, model.Transformer.CopiedWeightBytes);
            Assert.InRange(backend.AllocatedBytes, before + room.CopyBytes, long.MaxValue);
        }

        Assert.Equal(before, backend.AllocatedBytes);
    }

    /// <summary>938 bytes of 1000 leave a sixteenth (62, rounded down), 939 do not.</summary>
    [Theory]
    [InlineData(800, 100, 38, 1000, true, true)]
    [InlineData(800, 100, 39, 1000, false, true)]
    [InlineData(800, 100, 100, 1000, false, true)]
    [InlineData(800, 100, 101, 1000, false, false)]
    [InlineData(1, 0, 0, 0, false, false)]
    [InlineData(0, 0, 0, 0, true, true)]
    [InlineData(4L << 40, 0, 0, 5L << 40, true, true)]
    public void Room_is_ample_if_a_sixteenth_is_left(long copy, long workspace, long caches, long available, bool isAmple, bool isEnough)
    {
        WeightRoom room = new(copy, workspace, caches, available);
        Assert.Equal((isAmple, isEnough), (room.IsAmple, room.IsEnough));
    }

    [Fact]
    public void What_does_not_fit_stays_mapped_or_is_refused_with_the_numbers()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend, residency: WeightResidency.Mapped);
        WeightRoom room = model.PlaceWeights(WeightResidency.Auto, cacheBytes: 1L << 50);
        Assert.Equal((1L << 50, 0), (room.CacheBytes, model.Transformer.CopiedWeightBytes));
        Refusal.AssertThrows(RepositoryFiles.DemoModel, "beside 5.4 MiB of activations and 1,073,741,824 MiB of caches", () =>
            model.PlaceWeights(WeightResidency.Copied, cacheBytes: 1L << 50));
        _ = model.PlaceWeights(WeightResidency.Mapped);
        Assert.Equal(0, model.Transformer.CopiedWeightBytes);
        _ = model.PlaceWeights(WeightResidency.Auto);
        Assert.Equal(room.CopyBytes, model.Transformer.CopiedWeightBytes);
    }

    [Fact]
    public void Weights_that_were_converted_are_copied_too()
    {
        using LoadedModel model = ModelFile.Load(RepositoryFiles.DemoModel, ElementType.Q8_0, threads: 1);
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer stored = new(model, backend), copied = new(model, backend);
        copied.CopyWeights();
        // A tied embedding, and 4 layers of 4 attention and 3 feed-forward matrices; 34 bytes for 32 weights.
        Assert.Equal((1280 * 256 + 4 * (4 * 256 * 256 + 3 * 512 * 256)) / 32 * 34, copied.CopiedWeightBytes);
        int[] tokens = [.. Enumerable.Range(3, 20)];
        Assert.Equal(Logits(stored, tokens, 1, AttentionMode.Decode), Logits(copied, tokens, 1, AttentionMode.Decode));
    }

    [Theory]
    [InlineData(WeightResidency.Auto, true)]
    [InlineData(WeightResidency.Copied, true)]
    [InlineData(WeightResidency.Mapped, false)]
    public void A_loaded_model_reads_what_was_asked_for(WeightResidency residency, bool copied)
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend, residency: residency);
        Assert.Equal(copied, model.Transformer.HasCopiedWeights);
    }

    /// <summary>The readable definition multiplies weights as they are stored, so there is nothing to copy and nothing to say.</summary>
    [Fact]
    public void Scalar_kernels_read_stored_weights()
    {
        using ComputeBackend backend = ComputeBackend.CreateCpu(1, InstructionSet.Scalar);
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend);
        Assert.Equal((true, 0), (model.Transformer.HasCopiedWeights, model.Transformer.CopiedWeightBytes));
    }

    [Fact]
    public void A_copy_that_was_stopped_or_failed_leaves_the_mapped_weights()
    {
        using ModelFixture fixture = ModelFixture.Load("llama-mha");
        using HookedBackend backend = new(ComputeBackend.CreateCpu(1));
        using Transformer transformer = new(fixture.Model, backend);
        float[] expected = Logits(transformer, fixture.Tokens, 1, AttentionMode.Decode);
        long before = backend.AllocatedBytes;
        using CancellationTokenSource stop = new();
        int placed = 0;
        backend.BeforePlacing = () => { if (++placed == 3) stop.Cancel(); };
        _ = Assert.Throws<OperationCanceledException>(() => transformer.CopyWeights(stop.Token));
        Assert.Equal((3, before, 0), (placed, backend.AllocatedBytes, transformer.CopiedWeightBytes));
        backend.BeforePlacing = () => { if (++placed == 6) TakeTooMuch(); };
        _ = Assert.Throws<OutOfMemoryException>(() => transformer.CopyWeights());
        Assert.Equal((6, before, 0), (placed, backend.AllocatedBytes, transformer.CopiedWeightBytes));
        Assert.Equal(expected, Logits(transformer, fixture.Tokens, 1, AttentionMode.Decode));
    }

    [Fact]
    public void Memory_that_is_not_to_be_had_leaves_them_mapped_or_is_refused()
    {
        using HookedBackend backend = new(ComputeBackend.CreateCpu(1));
        using LanguageModel model = LanguageModel.Load(RepositoryFiles.DemoModel, backend, residency: WeightResidency.Mapped);
        backend.BeforePlacing = TakeTooMuch;
        _ = model.PlaceWeights(WeightResidency.Auto);
        Assert.Equal(0, model.Transformer.CopiedWeightBytes);
        Refusal.AssertThrows(RepositoryFiles.DemoModel, "the weights cannot be copied into memory: a copy takes 5.", () =>
            model.PlaceWeights(WeightResidency.Copied));
    }

    [Fact]
    public void A_file_that_was_cut_short_is_said_and_nothing_is_left()
    {
        if (!OperatingSystem.IsLinux())
            return; // elsewhere a mapped file cannot be cut short
        using TemporaryFolder folder = new();
        string file = WriteRandom(folder, ElementType.Q8_0);
        using LoadedModel model = ModelFile.Load(file, threads: 1);
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using Transformer transformer = new(model, backend);
        long before = backend.AllocatedBytes;
        FileTruncation.To(file, 10_000);
        Refusal.AssertThrows(file, "was cut short while it was in use: has 10000 bytes", () =>
        {
            transformer.CopyWeights();
            return transformer;
        });
        Assert.Equal((before, 0), (backend.AllocatedBytes, transformer.CopiedWeightBytes));
    }

    private static void TakeTooMuch() => new NativeBuffer<byte>(new NativeAllocator(), long.MaxValue).Dispose();

    private static float[] Logits(Transformer transformer, int[] tokens, int chunk, AttentionMode mode)
    {
        using SequenceCache sequence = transformer.CreateSequence(new DensePolicy(), tokens.Length);
        return ModelFixture.Run(transformer, sequence, tokens, chunk, mode);
    }

    private static LoadedModel Load(string name, ElementType? type, TemporaryFolder folder) => type is ElementType stored
        ? ModelFile.Load(WriteRandom(folder, stored), threads: 2)
        : HuggingFaceFolder.Load(RepositoryFiles.Fixture("models", name));

    private static string WriteRandom(TemporaryFolder folder, ElementType type) => RandomModel.Write(
        folder.File("model.gguf"), ModelShape.Parse("hidden=256,layers=2,heads=4,kv-heads=2,intermediate=512,vocabulary=600,context=512"),
        type, "random").File;
}
