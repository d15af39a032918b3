using FsCheck;
using FsCheck.Fluent;
using ILGPU;
using MoA.Engine.Kernels;
using MoA.Engine.Kernels.Gradients;
using MoA.Engine.Tests.Kernels.Gradients;
using MoA.Gpu.Kernels;
using MoA.Gpu.Kernels.Gradients;
using MoA.Tests;

namespace MoA.Gpu.Tests.Gradients;

/// <summary>Attention of whole items, its gradients and its influence against the definition in double.</summary>
public sealed class AttentionGradientTests
{
    /// <summary>Rows, query heads, KV heads, head size, window, sharpness of the softmax, blocks of a panel.</summary>
    [Theory]
    [InlineData(1, 1, 1, 8, null, 1, 1)]
    [InlineData(2, 2, 1, 4, null, 1, 1)]
    [InlineData(64, 2, 2, 16, null, 1, 1)]
    [InlineData(65, 3, 1, 20, null, 1, 1)]
    [InlineData(200, 4, 2, 32, null, 1, 2)]
    [InlineData(330, 1, 1, 36, null, 1, 4)]
    [InlineData(70, 1, 1, 136, null, 1, 1)]
    [InlineData(100, 2, 1, 16, 1, 1, 1)]
    [InlineData(200, 2, 1, 16, 33, 1, 3)]
    [InlineData(330, 1, 1, 16, 64, 1, 2)]
    [InlineData(330, 1, 1, 16, 65, 1, 2)]
    [InlineData(330, 2, 2, 16, 66, 1, 1)]
    // Most rows give nearly all their weight to one key: 1 − A is far below the rounding of A.
    [InlineData(200, 2, 2, 16, null, 12, 9)]
    public void Influence_and_gradients_equal_the_definition(
        int rows, int queryHeads, int keyValueHeads, int size, int? window, float sharpness, int blocks) =>
        Check(new AttentionShape(rows, queryHeads, keyValueHeads, size, window ?? int.MaxValue), sharpness, blocks, rows + size);

    [Fact]
    public void Shapes_that_nothing_divides()
    {
        Gen<(AttentionShape Shape, int Blocks, int Seed)> cases =
            from rows in Gen.Choose(1, 260)
            from heads in Gen.Choose(1, 2)
            from @group in Gen.Choose(1, 3)
            from fours in Gen.Choose(1, 20)
            from window in Gen.Elements(int.MaxValue, int.MaxValue, 1, 50, 64, 130)
            from blocks in Gen.Choose(1, 6)
            from seed in Gen.Choose(0, int.MaxValue)
            select (new AttentionShape(rows, heads * @group, heads, 4 * fours, window), blocks, seed);
        Prop.ForAll(cases.ToArbitrary(), c => Check(c.Shape, 1, c.Blocks, c.Seed)).Holds(6);
    }

    [Fact]
    public void Without_gradients_the_influence_is_the_same_and_the_inputs_stay()
    {
        AttentionShape shape = new(150, 2, 1, 16, int.MaxValue);
        float[] queries = Numbers.Random(1, 150 * 32), keys = Numbers.Random(2, 150 * 16), values = Numbers.Random(3, 150 * 16);
        using Emulated device = new();
        using DeviceAttentionGradient gradient = new(device.Session, device.Memory);
        ArrayView<Quad> q = device.Rows(queries, 32), k = device.Rows(keys, 16), v = device.Rows(values, 16);
        ArrayView<Quad> o = device.Rows(Numbers.Random(4, 150 * 32), 32);
        ArrayView<float> without = device.Copy(new float[18]), with = device.Copy(new float[18]);
        gradient.Run(shape, q, k, v, o, without, withGradients: false);
        Assert.Equal(queries, Emulated.Read(q, 32));
        Assert.Equal(keys, Emulated.Read(k, 16));
        Assert.Equal(values, Emulated.Read(v, 16));
        gradient.Run(shape, q, k, v, o, with, withGradients: true);
        Assert.Equal(Emulated.Read(with), Emulated.Read(without));
    }

    /// <summary>Each key stands there twice: of two that have the largest score neither has more than half of the weight.</summary>
    [Fact]
    public void Keys_of_equal_scores_share_the_weight()
    {
        float[] keys = [.. Numbers.Random(1, 35 * 16, 2).Chunk(16).SelectMany(key => key.Concat(key))];
        Check(new AttentionShape(70, 1, 1, 16, int.MaxValue), 12, 1, 7, keys);
    }

    /// <summary>Memory is what was promised for it, whatever the shape.</summary>
    [Theory]
    [InlineData(2048, 32, 32, 128, null)]
    [InlineData(8192, 32, 8, 128, 4096)]
    [InlineData(131072, 32, 32, 128, null)]
    public void Panels_stay_within_their_memory(int rows, int queryHeads, int keyValueHeads, int size, int? window)
    {
        AttentionShape shape = new(rows, queryHeads, keyValueHeads, size, window ?? int.MaxValue);
        long gradients = 8L * rows * keyValueHeads * size;
        Assert.InRange(DeviceAttentionGradient.BytesOf(shape) - gradients, 1 << 28, (1 << 30) + (1 << 21));
    }

    private static void Check(AttentionShape shape, float sharpness, int panelBlocks, int seed, float[]? keys = null)
    {
        int rows = shape.Rows, queryColumns = shape.QueryHeads * shape.HeadSize, keyColumns = shape.KeyValueHeads * shape.HeadSize;
        float[] queries = Numbers.Random(seed, rows * queryColumns, 2 * sharpness), outputs = Numbers.Random(seed + 3, queries.Length);
        keys ??= Numbers.Random(seed + 1, rows * keyColumns, 2);
        float[] values = Numbers.Random(seed + 2, keys.Length);
        AttentionReference[] expected = [.. Enumerable.Range(0, shape.QueryHeads).Select(head =>
        {
            AttentionReference reference = new(
                Head(queries, head, queryColumns, shape.HeadSize), Head(keys, head / shape.Group, keyColumns, shape.HeadSize),
                Head(values, head / shape.Group, keyColumns, shape.HeadSize), shape.SlidingWindow);
            reference.Backward(Head(outputs, head, queryColumns, shape.HeadSize));
            return reference;
        })];

        using Emulated device = new();
        // Of a KV head's query heads so many blocks of queries at once.
        using DeviceAttentionGradient gradient = new(device.Session, device.Memory, 8L * panelBlocks * shape.Group * shape.Blocks * 64 * 64);
        ArrayView<Quad> q = device.Rows(queries, queryColumns, 4), k = device.Rows(keys, keyColumns, 4);
        ArrayView<Quad> v = device.Rows(values, keyColumns, 4), o = device.Rows(outputs, queryColumns, 4);
        ArrayView<Quad> attended = device.Rows(new float[queries.Length], queryColumns, 4);
        ArrayView<float> influence = device.Copy(new float[shape.QueryHeads * shape.Blocks * shape.Blocks]);
        gradient.Attend(shape, q, k, v, attended);
        gradient.Run(shape, q, k, v, o, influence, withGradients: true);

        InfluenceBlocks.AssertClose([.. expected.SelectMany(head => head.BlockSums())], Emulated.Read(influence), shape.Blocks);
        AssertClose(expected, 1, reference => reference.Outputs, Emulated.Read(attended, queryColumns, 4), shape.HeadSize);
        AssertClose(expected, 1, reference => reference.QueryGradient, Emulated.Read(q, queryColumns, 4), shape.HeadSize);
        AssertClose(expected, shape.Group, reference => reference.KeyGradient, Emulated.Read(k, keyColumns, 4), shape.HeadSize);
        AssertClose(expected, shape.Group, reference => reference.ValueGradient, Emulated.Read(v, keyColumns, 4), shape.HeadSize);
    }

    // Heads of a group are added up.
    private static void AssertClose(
        AttentionReference[] expected, int group, Func<AttentionReference, double[][]> rows, float[] actual, int size)
    {
        int heads = expected.Length / group;
        for (int head = 0; head < heads; head++)
        {
            double[][][] addends = [.. expected.Skip(head * group).Take(group).Select(rows)];
            double largest = addends.Max(part => part.Max(row => row.Max(Math.Abs)));
            double[][] found = Head(actual, head, heads * size, size);
            for (int i = 0; i < found.Length; i++)
            {
                for (int d = 0; d < size; d++)
                    Assert.InRange(Math.Abs(addends.Sum(part => part[i][d]) - found[i][d]), 0, 2e-5 * largest);
            }
        }
    }

    private static double[][] Head(float[] rows, int head, int columns, int size) =>
        [.. rows.Chunk(columns).Select(row => row.Skip(head * size).Take(size).Select(value => (double)value).ToArray())];
}
