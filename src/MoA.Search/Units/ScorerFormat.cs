using MoA.Engine.Attention;
using MoA.Engine.Attention.Scoring;

namespace MoA.Search.Units;

/// <summary>What rows are worth, in payloads of units: the scorer's name, then what it was made from.</summary>
internal static class ScorerFormat
{
    /// <summary>Writes a scorer.</summary>
    public static void WriteScorer(this BinaryWriter writer, RowScorer scorer)
    {
        writer.Write(scorer.Name);
        switch (scorer)
        {
            case VoteScorer votes:
                writer.Write7BitEncodedInt(votes.ObservedQueries);
                writer.Write(votes.Pooling.Kind == PoolingKind.Average);
                writer.Write7BitEncodedInt(votes.Pooling.Width);
                break;
            case AttentionSumScorer sums:
                writer.Write(sums.RecentShare);
                break;
            case ExpectedAttentionScorer expected:
                writer.Write7BitEncodedInt(expected.Future);
                writer.Write(expected.Covariance);
                writer.Write(expected.ValueNorm);
                writer.Write(expected.Epsilon);
                break;
            case RepetitionScorer repetition:
                writer.Write7BitEncodedInt(repetition.Chunk);
                break;
            case KeyDifferenceScorer:
                break;
            default:
                throw new NotSupportedException($"Scorer {scorer.Name} has no form in units of work.");
        }
    }

    /// <summary>Reads a scorer.</summary>
    /// <exception cref="FormatException">There is none.</exception>
    public static RowScorer ReadScorer(this BinaryReader reader) => reader.ReadString() switch
    {
        SnapKvPolicy.CommandName => new VoteScorer(reader.ReadWithin(1, ElasticRule.BlockSize), ReadPooling(reader)),
        H2oPolicy.CommandName when reader.ReadFinite() is >= 0 and <= 1 and double recent => new AttentionSumScorer(recent),
        ExpectedAttentionPolicy.CommandName => new ExpectedAttentionScorer(
            reader.ReadWithin(1, int.MaxValue), reader.ReadBoolean(), reader.ReadBoolean(), reader.ReadFinite()),
        KvZipPolicy.CommandName => new RepetitionScorer(reader.ReadWithin(1, int.MaxValue)),
        KeyDiffPolicy.CommandName => new KeyDifferenceScorer(),
        _ => throw new FormatException("no scorer of that name"),
    };

    /// <summary>Reads votes.</summary>
    /// <exception cref="FormatException">There are none.</exception>
    public static VoteScorer ReadVotes(this BinaryReader reader) => reader.ReadScorer() as VoteScorer ?? throw new FormatException("another scorer than votes");

    private static ScorePooling ReadPooling(BinaryReader reader) =>
        new(reader.ReadBoolean() ? PoolingKind.Average : PoolingKind.Maximum, reader.ReadWithin(1, 1023));
}
