using MoA.Engine.Attention;

namespace MoA.Search.Profiling;

/// <summary>
/// The influence profile of a model at one length (docs/method.md, section 3): the mean over items of the sums of |E|
/// in each square block of positions.
/// </summary>
internal sealed record InfluenceProfile
{
    /// <summary>The model's name.</summary>
    public required string Model { get; init; }

    /// <summary>N in tokens, a multiple of 64: items of more than N/2 and at most N tokens were used.</summary>
    public required int Length { get; init; }

    /// <summary>Layers of the model.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads of each layer.</summary>
    public required int QueryHeads { get; init; }

    /// <summary>Items that the mean is over, at least 1.</summary>
    public required int Items { get; init; }

    /// <summary>Mean of the items' losses, in nats.</summary>
    public required double MeanLoss { get; init; }

    /// <summary>
    /// [layers, queryHeads, N/b, N/b], row-major, query blocks before key blocks; finite, none negative.
    /// </summary>
    public required float[] Values { get; init; }

    /// <summary>b, one of <see cref="ElasticRule.Blocks"/>: the side of a block in tokens.</summary>
    public int Block { get; init; } = ElasticRule.BlockSize;

    /// <summary>The stored density at N of the plan under which the influence was taken; null: of the model as it is.</summary>
    public double? PlanDensity { get; init; }

    /// <summary>
    /// The scorer, as plan files name it, in whose order the keys' influence was summed; null: in that of their positions. Then block J of block I holds what the
    /// keys are worth that a plan by content would lose where spans would lose J.
    /// </summary>
    public string? Scorer { get; init; }

    /// <summary>N/b: blocks of queries, and of keys.</summary>
    public int Blocks => Length / Block;

    /// <summary>One head's blocks, [N/b, N/b].</summary>
    public ReadOnlySpan<float> Head(int layer, int queryHead)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)layer, (uint)Layers);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)queryHead, (uint)QueryHeads);
        return Values.AsSpan((layer * QueryHeads + queryHead) * Blocks * Blocks, Blocks * Blocks);
    }

    /// <summary>The same influence in larger blocks.</summary>
    /// <param name="block">Side of a block, a multiple of <see cref="Block"/>.</param>
    public InfluenceProfile InBlocks(int block)
    {
        if (block == Block)
            return this;
        int share = block / Block, blocks = Length / block, heads = Layers * QueryHeads;
        double[] sums = new double[heads * blocks * blocks];
        for (int row = 0; row < heads * Blocks; row++)
        {
            int to = (row / Blocks * blocks + row % Blocks / share) * blocks;
            for (int key = 0; key < Blocks; key++)
                sums[to + key / share] += Values[row * Blocks + key];
        }

        return this with { Block = block, Values = [.. sums.Select(sum => (float)sum)] };
    }
}
