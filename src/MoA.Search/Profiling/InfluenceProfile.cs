using MoA.Engine.Attention;

namespace MoA.Search.Profiling;

/// <summary>
/// The influence profile of a model at one length (docs/method.md, section 3): the mean over items of the sums of |E|
/// in each block of 64×64 positions.
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
    /// [layers, queryHeads, N/64, N/64], row-major, query blocks before key blocks; finite, none negative.
    /// </summary>
    public required float[] Values { get; init; }

    /// <summary>N/64: blocks of queries, and of keys.</summary>
    public int Blocks => Length / ElasticRule.BlockSize;

    /// <summary>One head's blocks, [N/64, N/64].</summary>
    public ReadOnlySpan<float> Head(int layer, int queryHead)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)layer, (uint)Layers);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)queryHead, (uint)QueryHeads);
        return Values.AsSpan((layer * QueryHeads + queryHead) * Blocks * Blocks, Blocks * Blocks);
    }
}
