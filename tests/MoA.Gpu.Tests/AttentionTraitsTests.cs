using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.KvCache;
using MoA.Engine.Numerics;
using MoA.Engine.Tests.Kernels;

namespace MoA.Gpu.Tests;

/// <summary>What the device's attention does with what newer families ask of it.</summary>
public sealed class AttentionTraitsTests : IDisposable
{
    private const int Positions = 40, Prompt = 37, Size = 16, QueryHeads = 4, KeyValueHeads = 2;

    private readonly GpuBackend _backend = GpuBackend.Open("emulated", threads: 1);

    private readonly HeadRows _rows = HeadRows.Random(1, Positions, QueryHeads, KeyValueHeads, Size);

    [Fact]
    public void Scores_are_scaled_as_the_layer_says()
    {
        AttentionTraits traits = new() { Scale = 0.6f };
        float[] expected = ReferenceAttention.Run(_rows, (_, query, key) => key <= query, traits: traits);
        Assert.InRange(Difference.Largest(Run(traits), expected), 0, 1e-4);
    }

    [Fact]
    public void What_has_no_kernels_is_refused_by_name()
    {
        Refuses(() => Run(new AttentionTraits { SoftCap = 50 }), "soft cap");
        Refuses(() => Run(new AttentionTraits { Sinks = new float[QueryHeads] }), "sink");
        using Tensor gate = _backend.Allocate(1, 8), up = _backend.Allocate(1, 8);
        Refuses(() => _backend.Activate(Activation.GeluTanh, gate, up, 1), "GeluTanh");
        Refuses(() => _backend.Activate(Activation.ClampedSilu, gate, up, 1), "ClampedSilu");

        static void Refuses(Action action, string name)
        {
            string message = Assert.Throws<InvalidInputException>(action).Message;
            Assert.Contains(name, message, StringComparison.Ordinal);
            Assert.Contains("leave --device out", message, StringComparison.Ordinal);
        }
    }

    public void Dispose() => _backend.Dispose();

    // A prompt, then steps.
    private float[] Run(AttentionTraits traits)
    {
        ModelConfig config = AttentionLayer.Config(QueryHeads, KeyValueHeads, Size);
        using SequenceCache cache = new(config, new DensePolicy(), Positions, ElementType.BF16, _backend.CacheMemory);
        AttentionWork work = new(config);
        List<float> outputs = [];
        for (int row = 0; row < Positions;)
        {
            int count = row == 0 ? Prompt : 1;
            using Tensor queries = Rows(_rows.Queries, QueryHeads, row, count), keys = Rows(_rows.Keys, KeyValueHeads, row, count);
            using Tensor values = Rows(_rows.Values, KeyValueHeads, row, count), attended = _backend.Allocate(count, QueryHeads * Size);
            work.Clear();
            work.Add(cache, count, row == 0 ? AttentionMode.Prefill : AttentionMode.Decode);
            _backend.Prepare(work);
            _backend.Attend(work, 0, queries, keys, values, attended, traits);
            cache.Advance(count);
            outputs.AddRange(_backend.Read(attended, count));
            row += count;
        }

        return [.. outputs];
    }

    private Tensor Rows(float[] all, int heads, int row, int count)
    {
        Tensor tensor = _backend.Allocate(count, heads * Size);
        _backend.Write(all.AsSpan(row * heads * Size, count * heads * Size), count, tensor);
        return tensor;
    }
}
