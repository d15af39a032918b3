using MoA.Engine.Attention;
using MoA.Engine.Configuration;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.Numerics;

namespace MoA.Engine.Tests.Kernels.Gradients;

/// <summary>The attention gradient of one layer against the definition in double.</summary>
public sealed class AttentionGradientTests
{
    /// <summary>Rows, query heads, KV heads, head size, window, sharpness of the softmax, vector width.</summary>
    public static IEnumerable<object?[]> Shapes()
    {
        TheoryData<int, int, int, int, int, float, InstructionSet> cases = [];
        foreach (InstructionSet set in Enum.GetValues<InstructionSet>())
        {
            cases.Add(1, 1, 1, 8, int.MaxValue, 1, set);
            cases.Add(2, 2, 1, 6, int.MaxValue, 1, set);
            cases.Add(64, 2, 2, 16, int.MaxValue, 1, set);
            cases.Add(65, 3, 1, 20, int.MaxValue, 1, set);
            cases.Add(200, 4, 2, 32, int.MaxValue, 1, set);
            cases.Add(330, 1, 1, 34, int.MaxValue, 1, set);
            cases.Add(100, 2, 1, 16, 1, 1, set);
            cases.Add(200, 2, 1, 16, 33, 1, set);
            cases.Add(330, 1, 1, 16, 64, 1, set);
            // Most rows give nearly all their weight to one key: 1 − A is far below the rounding of A.
            cases.Add(200, 2, 2, 16, int.MaxValue, 12, set);
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    internal void Influence_and_gradients_equal_the_definition(
        int rows, int queryHeads, int keyValueHeads, int size, int window, float sharpness, InstructionSet set) =>
        Check(new AttentionShape(rows, queryHeads, keyValueHeads, size, window), sharpness, set);

    /// <summary>Scale, soft cap and sinks of the scores, each alone and together; sinks below, among and above the scores.</summary>
    [Theory]
    [InlineData(0.3f, 0, null)]
    [InlineData(0, 2, null)]
    [InlineData(0, 0, -3f)]
    [InlineData(0, 0, 9f)]
    [InlineData(1.5f, 8, 1f)]
    [InlineData(0.05f, 50, null)]
    public void What_becomes_of_scores_is_differentiated(float scale, float cap, float? sink)
    {
        foreach (InstructionSet set in Enum.GetValues<InstructionSet>())
        {
            float[]? sinks = sink is float first ? [first, first / 2, -first] : null;
            AttentionTraits traits = new() { Scale = scale, SoftCap = cap, Sinks = sinks };
            Check(new AttentionShape(1, 3, 1, 8, int.MaxValue) { Traits = traits }, 1, set);
            Check(new AttentionShape(200, 3, 1, 20, 70) { Traits = traits }, 1, set);
            Check(new AttentionShape(210, 3, 3, 16, int.MaxValue) { Traits = traits }, 3, set);
        }
    }

    /// <summary>Several blocks in a tile of queries, the last ones beyond the item.</summary>
    [Theory]
    [InlineData(16, 1, int.MaxValue)]
    [InlineData(16, 200, int.MaxValue)]
    [InlineData(16, 331, 50)]
    [InlineData(32, 210, int.MaxValue)]
    public void Influence_is_summed_over_smaller_blocks(int block, int rows, int window)
    {
        foreach (InstructionSet set in Enum.GetValues<InstructionSet>())
            Check(new AttentionShape(rows, 3, 1, 20, window) { Block = block }, 1, set);
    }

    /// <summary>A head that sees the least, one that sees more and one that sees all, under windows, blocks and traits of every kind.</summary>
    [Theory]
    [InlineData(16, 16, 331, int.MaxValue, 1f)]
    [InlineData(16, 64, 210, int.MaxValue, 1f)]
    [InlineData(32, 16, 200, 90, 1f)]
    [InlineData(64, 64, 450, int.MaxValue, 3f)]
    [InlineData(64, 16, 330, 100, 1f)]
    // Hidden keys whose scores are far above all that are seen.
    [InlineData(16, 16, 200, int.MaxValue, 16f)]
    public void What_a_plan_hides_has_an_influence_and_no_gradient(int planBlock, int block, int rows, int window, float sharpness)
    {
        foreach (InstructionSet set in Enum.GetValues<InstructionSet>())
        {
            int[] rings = [planBlock, 3 * planBlock, 1024];
            LayerSpans spans = new([], rings, window) { Block = planBlock };
            Check(new AttentionShape(rows, 3, 1, 20, window) { Block = block, Spans = spans }, sharpness, set);
            AttentionTraits traits = new() { SoftCap = 2, Sinks = [1, -3, 5] };
            Check(new AttentionShape(rows, 3, 3, 16, window) { Block = block, Spans = spans, Traits = traits }, sharpness, set);
        }
    }

    [Fact]
    public void Spans_that_hide_nothing_change_no_bit_of_the_gradient()
    {
        AttentionShape shape = new(300, 2, 1, 16, int.MaxValue) { Block = 16 };
        LayerSpans spans = new([], [320, 1 << 20], int.MaxValue) { Block = 16 };
        Random random = new(6);
        float[] queries = Normal(random, 300 * 32, 1), keys = Normal(random, 300 * 16, 1), values = Normal(random, 300 * 16, 1), outputs = Normal(random, 300 * 32, 1);
        foreach (InstructionSet set in Enum.GetValues<InstructionSet>())
        {
            using ComputeBackend backend = ComputeBackend.CreateCpu(1, set);
            using GradientKernels kernels = backend.CreateGradients(Config(shape), 300);
            Assert.Equal(Run(shape), Run(shape with { Spans = spans }));

            float[][] Run(AttentionShape shape)
            {
                using Tensor q = Filled(backend, queries, 300), k = Filled(backend, keys, 300);
                using Tensor v = Filled(backend, values, 300), o = Filled(backend, outputs, 300);
                float[] influence = new float[2 * shape.Blocks * shape.Blocks];
                kernels.AttentionGradient(shape, q, k, v, o, influence, withGradients: true);
                return [influence, .. new[] { q, k, v }.Select(tensor => backend.Read(tensor, 300).ToArray())];
            }
        }
    }

    private static void Check(AttentionShape shape, float sharpness, InstructionSet set)
    {
        (int rows, int queryHeads, int keyValueHeads, int size, int window) = shape;
        Random random = new(rows * 31 + size);
        float[] queries = Normal(random, rows * queryHeads * size, sharpness);
        float[] keys = Normal(random, rows * keyValueHeads * size, 1);
        float[] values = Normal(random, rows * keyValueHeads * size, 1);
        float[] outputs = Normal(random, rows * queryHeads * size, 1);
        AttentionReference[] expected = [.. Enumerable.Range(0, queryHeads).Select(head =>
        {
            int keyValueHead = head * keyValueHeads / queryHeads;
            AttentionReference reference = new(
                Head(queries, head, queryHeads, size), Head(keys, keyValueHead, keyValueHeads, size),
                Head(values, keyValueHead, keyValueHeads, size), window, shape.Traits, shape.Traits.Sinks?[head],
                span: shape.Spans is LayerSpans spans ? (spans.Block, spans.VisibleRing[head]) : null);
            reference.Backward(Head(outputs, head, queryHeads, size));
            return reference;
        })];

        using ComputeBackend backend = ComputeBackend.CreateCpu(2, set);
        using GradientKernels kernels = backend.CreateGradients(Config(shape), rows);
        using Tensor q = Filled(backend, queries, rows), k = Filled(backend, keys, rows);
        using Tensor v = Filled(backend, values, rows), o = Filled(backend, outputs, rows);
        float[] influence = new float[queryHeads * shape.Blocks * shape.Blocks];
        using Tensor attended = backend.Allocate(rows, queryHeads * size);
        kernels.Attend(shape, q, k, v, attended);
        kernels.AttentionGradient(shape, q, k, v, o, influence, withGradients: true);

        InfluenceBlocks.AssertClose(
            [.. expected.SelectMany(reference => reference.BlockSums(shape.Block))], influence, shape.Blocks);
        int group = queryHeads / keyValueHeads;
        for (int head = 0; head < queryHeads; head++)
        {
            AssertClose([expected[head].Outputs], Head(backend.Read(attended, rows), head, queryHeads, size));
            AssertClose([expected[head].QueryGradient], Head(backend.Read(q, rows), head, queryHeads, size));
        }

        for (int head = 0; head < keyValueHeads; head++)
        {
            AttentionReference[] members = expected[(head * group)..((head + 1) * group)];
            AssertClose([.. members.Select(m => m.KeyGradient)], Head(backend.Read(k, rows), head, keyValueHeads, size));
            AssertClose([.. members.Select(m => m.ValueGradient)], Head(backend.Read(v, rows), head, keyValueHeads, size));
        }
    }

    [Fact]
    public void Without_gradients_the_influence_is_the_same_and_the_tensors_stay()
    {
        AttentionShape shape = new(150, 1, 1, 16, int.MaxValue);
        Random random = new(5);
        float[] queries = Normal(random, 150 * 16, 1), keys = Normal(random, 150 * 16, 1);
        float[] values = Normal(random, 150 * 16, 1), outputs = Normal(random, 150 * 16, 1);
        using ComputeBackend backend = ComputeBackend.CreateCpu(1);
        using GradientKernels kernels = backend.CreateGradients(Config(shape), 150);
        using Tensor q = Filled(backend, queries, 150), k = Filled(backend, keys, 150);
        using Tensor v = Filled(backend, values, 150), o = Filled(backend, outputs, 150);
        float[] without = new float[9], with = new float[9];
        kernels.AttentionGradient(shape, q, k, v, o, without, withGradients: false);
        Assert.Equal(queries, backend.Read(q, 150).ToArray());
        Assert.Equal(keys, backend.Read(k, 150).ToArray());
        Assert.Equal(values, backend.Read(v, 150).ToArray());
        kernels.AttentionGradient(shape, q, k, v, o, with, withGradients: true);
        Assert.Equal(with, without);
    }

    private static ModelConfig Config(in AttentionShape shape) => AttentionLayer.Config(shape.QueryHeads, shape.KeyValueHeads, shape.HeadSize);

    private static void AssertClose(double[][][] addends, double[][] actual)
    {
        double largest = addends.Max(part => part.Max(row => row.Max(Math.Abs)));
        for (int i = 0; i < actual.Length; i++)
        {
            for (int d = 0; d < actual[i].Length; d++)
                Assert.InRange(Math.Abs(addends.Sum(part => part[i][d]) - actual[i][d]), 0, 1e-5 * largest);
        }
    }

    private static double[][] Head(ReadOnlySpan<float> rows, int head, int heads, int size)
    {
        double[][] result = AttentionReference.Matrix(rows.Length / (heads * size), size);
        for (int i = 0; i < result.Length; i++)
        {
            for (int d = 0; d < size; d++)
                result[i][d] = rows[(i * heads + head) * size + d];
        }

        return result;
    }

    private static unsafe Tensor Filled(ComputeBackend backend, float[] values, int rows)
    {
        Tensor tensor = backend.Allocate(rows, values.Length / rows);
        values.CopyTo(new Span<float>(tensor.Data, values.Length));
        return tensor;
    }

    private static float[] Normal(Random random, int count, float scale) =>
        [.. Enumerable.Range(0, count).Select(_ => scale * (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()))
            * Math.Cos(2 * Math.PI * random.NextDouble())))];
}
