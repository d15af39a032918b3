using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Models;
using MoA.Engine.Models.Loading;
using MoA.Engine.Numerics;
using MoA.Engine.Tests;
using MoA.Engine.Tests.Models;
using MoA.Gpu.Device;

namespace MoA.Gpu.Tests.Cuda;

/// <summary>A whole model through the kernels for tensor cores, emulated, against the processor: prompts in pieces, then decoding.</summary>
[Collection("emulated models")]
public sealed class TensorCoreModelTests
{
    private const string Shape = "hidden=192,layers=2,heads=4,kv-heads=2,head-size=64,intermediate=256,vocabulary=160,context=512";

    [EmulatedTheory]
    [InlineData(ElementType.BF16)]
    [InlineData(ElementType.F16)]
    public void Prompts_and_steps_give_what_the_processor_gives(ElementType weights)
    {
        using TemporaryFolder folder = new();
        using LoadedModel model = GgufModel.Load(
            RandomModel.Write(folder.File("model.gguf"), ModelShape.Parse(Shape), weights, "tiny", 3).File);
        EmulatedLauncher? launcher = null;
        DeviceSession session = DeviceSession.Emulate(
            ProductThreads / 4, warpSize: 4, accelerator => launcher = new EmulatedLauncher(accelerator));
        using GpuBackend device = new(session, ComputeBackend.CreateCpu(1));
        using ComputeBackend processor = ComputeBackend.CreateCpu(1);
        float[] actual = Run(device), expected = Run(processor);
        Assert.InRange(ModelFixture.RelativeError(actual, expected), 1e-5, 2e-2);
        foreach (string kernel in new[] { "product_", "prefill_attention_64", "decode_attention_64" })
            Assert.Contains(launcher!.Launched, name => name.StartsWith(kernel, StringComparison.Ordinal));

        float[] Run(ComputeBackend backend)
        {
            using Transformer transformer = new(model, backend, maxRows: 128);
            AttentionPolicy policy = new StreamingLlmPolicy(new ElasticRule(64, 0.25));
            using SequenceCache sequence = transformer.CreateSequence(policy, 300);
            int[] tokens = [.. Enumerable.Range(0, 224).Select(i => i * 37 % transformer.Config.VocabularySize)];
            float[] prompt = ModelFixture.Run(transformer, sequence, tokens.AsSpan(0, 220), 100, AttentionMode.Prefill);
            float[] steps = ModelFixture.Run(transformer, sequence, tokens.AsSpan(220), 1, AttentionMode.Decode);
            return [.. prompt, .. steps];
        }
    }

    private const int ProductThreads = Gpu.Kernels.ProductTile.ThreadsPerGroup;
}
