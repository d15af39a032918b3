using MoA.Engine.Attention;
using MoA.Engine.Kernels;
using MoA.Engine.Tests.Kernels;

namespace MoA.Engine.Tests.KvCache;

/// <summary>How many rows a decode step attends to: what must be read at least.</summary>
public sealed class RowsAttendedTests : IDisposable
{
    private readonly ComputeBackend _backend = ComputeBackend.CreateCpu(1);

    public void Dispose() => _backend.Dispose();

    /// <summary>Rings of one and of three blocks besides the sink, filled or not.</summary>
    [Theory]
    [InlineData(1, 2)]
    [InlineData(64, 2 * 64)]
    [InlineData(100, 2 * 100)]
    [InlineData(200, 128 + 200)]
    [InlineData(600, 128 + 256)]
    public void Of_a_ring_its_filled_part(int length, long expected) => Assert.Equal(expected, After(length, AttentionLayer.Rings([1, 3])));

    /// <summary>Of 100 tokens in a window, the last; the sink's rows count as long as they are in it.</summary>
    [Theory]
    [InlineData(90, 2 * 90)]
    [InlineData(130, 2 * 100)]
    [InlineData(600, 2 * 100)]
    public void Of_a_window_what_lies_in_it(int length, long expected) => Assert.Equal(expected, After(length, new DensePolicy(), 100));

    /// <summary>
    /// Half of 640 tokens, of two heads: 320 rows under H2O; the sink, two chosen blocks and a window of two blocks under InfLLM, which begins at a
    /// whole block: at 600 tokens, at the last before 600 − 128 = 472, 448.
    /// </summary>
    [Fact]
    public void Of_chosen_rows_those_that_are_left()
    {
        Assert.Equal(2 * 320, After(600, new H2oPolicy(new ElasticRule(0, 0.5))));
        Assert.Equal(2 * (64 + 2 * 64 + 600 - 448), After(600, new InfLlmPolicy(new ElasticRule(0, 0.5))));
    }

    private long After(int length, AttentionPolicy policy, int? window = null)
    {
        HeadRows rows = HeadRows.Random(3, length, 2, 2, 8);
        using AttentionLayer layer = new(_backend, rows, policy, 640, window: window);
        if (length > 2)
            layer.Prefill(length - 2, 64);
        layer.Decode(Math.Min(2, length));
        return layer.Cache.RowsAttended();
    }
}
