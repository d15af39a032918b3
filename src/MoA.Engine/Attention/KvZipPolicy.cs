using MoA.Engine.Attention.Scoring;
using MoA.Engine.Configuration;

namespace MoA.Engine.Attention;

/// <summary>
/// KVzip (arXiv 2505.23416): when a prompt has been read, the model is made to repeat it; those rows stay that this takes most attention of, in all layers and
/// heads together.
/// </summary>
/// <param name="budget">Rows of a head, on average over all heads of all layers, for a sequence's full length, new tokens included.</param>
/// <param name="level">What is chosen among.</param>
/// <param name="chunk">Tokens that are repeated at a time.</param>
internal sealed class KvZipPolicy(ElasticRule budget, KvZipLevel level = KvZipLevel.Pair, int chunk = RepetitionScorer.DefaultChunk)
    : SizedEvictionPolicy(budget, new RepetitionScorer(chunk))
{
    /// <summary>The policy's name on the command line and in reports.</summary>
    public const string CommandName = "kvzip";

    // What heads keep that are not among the best: as DuoAttention deploys its patterns, 64 first and 256 recent tokens.
    private const int FirstTokens = 64, StreamingRows = FirstTokens + 256;

    /// <summary>What is chosen among.</summary>
    public KvZipLevel Level { get; } = level;

    /// <inheritdoc/>
    public override string Name => CommandName;

    /// <inheritdoc/>
    public override bool DividesOverLayers => Level != KvZipLevel.Uniform;

    /// <inheritdoc/>
    public override void Divide(Span<RowRanking> heads, Span<int> kept)
    {
        if (Level == KvZipLevel.Pair)
            RowRanking.Share(heads, kept[0], 0, kept);
        else if (Level == KvZipLevel.Head)
            DivideHeads(heads, kept[0], kept);
    }

    /// <inheritdoc/>
    internal override string Describe(ModelConfig config, int length) => $"{base.Describe(config, length)} {Level}";

    // As many of the best heads keep everything as leave the others their least; these share the rest evenly.
    private static void DivideHeads(Span<RowRanking> heads, int rows, Span<int> kept)
    {
        int[] order = new int[heads.Length];
        float[] scores = new float[heads.Length];
        for (int i = 0; i < order.Length; i++)
            (order[i], scores[i]) = (i, -heads[i].Largest);
        Array.Sort(scores, order); // not stable, but scores of heads are hardly equal
        int least = Math.Min(rows, StreamingRows), whole = 0;
        long left = (long)rows * heads.Length;
        for (; whole < order.Length && left - heads[order[whole]].Count >= (long)least * (order.Length - whole - 1); whole++)
        {
            kept[order[whole]] = heads[order[whole]].Count;
            left -= heads[order[whole]].Count;
        }

        for (int i = whole; i < order.Length; i++)
        {
            int share = (int)Math.Min(left / (order.Length - i), int.MaxValue);
            kept[order[i]] = share;
            heads[order[i]] = heads[order[i]].ByAge(FirstTokens);
            left -= share;
        }
    }
}
