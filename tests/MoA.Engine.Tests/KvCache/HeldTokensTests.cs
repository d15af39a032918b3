using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;
using MoA.Engine.KvCache;

namespace MoA.Engine.Tests.KvCache;

/// <summary>Which tokens stay on small attention matrices, worked out by hand.</summary>
public sealed class HeldTokensTests
{
    /// <summary>
    /// H2O with room for one heavy and two recent tokens (Algorithm 1 of the paper). Scores are column sums; after a step
    /// the least of the tokens that are not recent goes.
    /// </summary>
    [Fact]
    public void H2o_by_hand()
    {
        HeldTokens tokens = new();
        // Rows of the causal attention matrix of a prompt of four; columns sum to 1.9, 1.0, 0.7, 0.4.
        Read(tokens, 0, [1f], [0.4f, 0.6f], [0.3f, 0.3f, 0.4f], [0.2f, 0.1f, 0.3f, 0.4f]);
        Assert.Equal([1.9f, 1f, 0.7f, 0.4f], tokens.Scores.ToArray(), new Close());
        Assert.Equal([0, 2, 3], tokens.Rank(0, 2, ScorePooling.None).Best(3));
        tokens.Keep([0, 2, 3]);

        // Token 4 gives 0.1, 0.8, 0.05, 0.05: token 2 (now 1.5) and token 0 (2.0) compete, 3 and 4 are recent; 2 goes.
        Add(tokens, 4, 0.1f, 0.8f, 0.05f, 0.05f);
        Drop(tokens, 3, expected: 2);
        // Token 5 gives to 0, 4, 3 (a dropped row was filled by the last): 0 has 2.1 and 3 has 1.3; 3 goes.
        Assert.Equal([0, 4, 3], tokens.Positions.ToArray());
        Add(tokens, 5, 0.1f, 0.0f, 0.85f, 0.05f);
        Drop(tokens, 4, expected: 3);
        // Token 6 gives nearly all to 5, none to 0: 0 still has 2.1 against 4 with 0.05; 4 goes.
        Add(tokens, 6, 0f, 0f, 0.9f, 0.1f);
        Drop(tokens, 5, expected: 4);
        Assert.Equal([0, 5, 6], tokens.Positions.ToArray().Order());
    }

    /// <summary>
    /// SnapKV on ten tokens with a window of two and three of the prefix: the votes of the prefix are
    /// 0.1 0.9 0 0 0 0.3 0.4 0.3; by themselves 1, 6 and then 5 (before 7) win.
    /// </summary>
    [Theory]
    [InlineData(PoolingKind.Average, 1, new[] { 1, 5, 6, 8, 9 })]
    [InlineData(PoolingKind.Average, 3, new[] { 0, 1, 6, 8, 9 })] // 1/3 of 1.0, 1.0, 0.9, 0, 0.3, 0.7, 1.0, 0.7
    [InlineData(PoolingKind.Maximum, 3, new[] { 0, 1, 2, 8, 9 })] // 0.9 0.9 0.9 0 0.3 0.4 0.4 0.4
    internal void Snapkv_by_hand(PoolingKind kind, int width, int[] kept)
    {
        HeldTokens tokens = new();
        tokens.Append(0, 10);
        float[] votes = [0.1f, 0.9f, 0, 0, 0, 0.3f, 0.4f, 0.3f, 0, 0];
        votes.CopyTo(tokens.Scores);
        Assert.Equal(kept, tokens.Rank(0, 8, new ScorePooling(kind, width)).Best(5));
    }

    /// <summary>Equal scores: the earlier token stays; nothing but recent tokens: the oldest goes.</summary>
    [Fact]
    public void Ties_and_windows_are_settled_by_age()
    {
        HeldTokens tokens = new();
        tokens.Append(10, 4);
        Assert.Equal([0, 1, 3], tokens.Rank(0, 13, ScorePooling.None).Best(3));
        Assert.Equal(2, tokens.Least(0, 13));
        Assert.Equal(1, tokens.Least(11, 12));
        Assert.Equal(0, tokens.Least(0, 10));
    }

    /// <summary>
    /// Three heads of three rows share three: without a floor the best three of all stay, with a floor of one every head keeps its best. Equal rows
    /// stay with the earlier head; sure rows count as the best.
    /// </summary>
    [Theory]
    [InlineData(0, new[] { 2, 1, 0 })]
    [InlineData(1, new[] { 1, 1, 1 })]
    public void Heads_share_by_hand(int floor, int[] expected)
    {
        RowRanking[] heads = [Ranked(0, 0.9f, 0.5f, 0.1f), Ranked(0, 0.5f, 0.6f, 0), Ranked(0, 0.2f, 0.3f, 0.4f)];
        int[] kept = new int[3];
        RowRanking.Share(heads, 1, floor, kept);
        Assert.Equal(expected, kept);

        RowRanking.Share([Ranked(2, 0, 0, 0.1f), Ranked(0, 0.9f, 0.8f, 0.7f)], 2, 0, kept);
        Assert.Equal([2, 2], kept[..2]);
        RowRanking.Share([Ranked(0, 0.1f), Ranked(0), Ranked(0, 0.9f, 0.8f, 0.7f, 0.6f)], 9, 2, kept);
        Assert.Equal([1, 0, 4], kept);
    }

    // Rows of which the first stay in any case.
    private static RowRanking Ranked(int sure, params float[] scores)
    {
        HeldTokens tokens = new();
        tokens.Append(0, scores.Length);
        scores.CopyTo(tokens.Scores);
        return tokens.Rank(sure, scores.Length, ScorePooling.None);
    }

    /// <summary>
    /// The official PyramidKV code on a mean of 100 rows with a window of 20, β = 20, of a prompt of 1000 over 5 layers:
    /// least 80 / 20 = 4, most 2·80 − 4 = 156, steps of 38; each with the window on top.
    /// </summary>
    [Fact]
    public void Pyramid_budgets_fall_in_equal_steps()
    {
        PyramidKvPolicy policy = new(new ElasticRule(100, 0), 20);
        int[] Kept(int held, int rows) => [.. Enumerable.Range(0, 5).Select(layer => policy.KeptRows(layer, 5, held, rows))];
        Assert.Equal([176, 138, 100, 62, 24], Kept(1000, 100));
        // Most cannot exceed the 170 − 20 rows that there are; least is 160 − 150.
        Assert.Equal([170, 135, 100, 65, 30], Kept(170, 100));
        // Less than twice the budget besides the window: flat, as in the official code.
        Assert.Equal([100, 100, 100, 100, 100], Kept(159, 100));
        Assert.Equal(500, Kept(1000, 100).Sum());
    }

    private static void Read(HeldTokens tokens, int position, params float[][] matrix)
    {
        foreach (float[] row in matrix)
            Add(tokens, position++, row);
    }

    private static void Add(HeldTokens tokens, int position, params float[] weights)
    {
        tokens.Append(position, 1);
        for (int i = 0; i < weights.Length; i++)
            tokens.Scores[i] += weights[i];
    }

    private static void Drop(HeldTokens tokens, int firstRecent, int expected)
    {
        int row = tokens.Least(0, firstRecent);
        Assert.Equal(expected, tokens.Positions[row]);
        tokens.Drop(row);
    }

    private sealed class Close : IEqualityComparer<float>
    {
        public bool Equals(float x, float y) => Math.Abs(x - y) < 1e-6f;

        public int GetHashCode(float value) => 0;
    }
}
