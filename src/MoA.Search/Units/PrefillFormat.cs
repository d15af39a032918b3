using MoA.Engine.Attention.Prefill;
using MoA.Engine.Configuration;

namespace MoA.Search.Units;

/// <summary>Prefill policies in payloads of units.</summary>
internal static class PrefillFormat
{
    private enum Kind
    {
        Stream,
        VerticalSlash,
        PooledBlocks,
        Coverage,
        Antidiagonal,
    }

    /// <summary>Writes a policy, or that there is none.</summary>
    public static void WritePrefill(this BinaryWriter writer, PrefillPolicy? policy)
    {
        writer.Write(policy is not null);
        if (policy is null)
            return;
        writer.Write(policy.Name);
        writer.Write7BitEncodedInt(policy.Piece);
        writer.Write(policy.Patterns.Count > 1 || policy.Patterns[0].Count > 1);
        foreach (HeadPattern pattern in policy.Patterns.SelectMany(layer => layer))
            WritePattern(writer, pattern);
    }

    /// <summary>Reads what <see cref="WritePrefill"/> wrote.</summary>
    /// <exception cref="FormatException">It is no policy for the model.</exception>
    public static PrefillPolicy? ReadPrefill(this BinaryReader reader, ModelConfig config)
    {
        if (!reader.ReadBoolean())
            return null;
        string name = reader.ReadString();
        int piece = reader.ReadWithin(1, int.MaxValue);
        bool isOfHeads = reader.ReadBoolean();
        HeadPattern[][] patterns = new HeadPattern[isOfHeads ? config.Layers : 1][];
        foreach (ref HeadPattern[] layer in patterns.AsSpan())
        {
            layer = new HeadPattern[isOfHeads ? config.QueryHeads : 1];
            foreach (ref HeadPattern pattern in layer.AsSpan())
                pattern = ReadPattern(reader);
        }

        PrefillPolicy policy = new(name, patterns, piece);
        policy.Check(config);
        return policy;
    }

    private static void WritePattern(BinaryWriter writer, HeadPattern pattern)
    {
        switch (pattern)
        {
            case StreamPattern stream:
                Write(Kind.Stream, stream.Initial, stream.Local, stream.Last);
                break;
            case VerticalSlashPattern slash:
                Write(Kind.VerticalSlash, slash.Vertical, slash.Slash);
                break;
            case PooledBlocksPattern blocks:
                Write(Kind.PooledBlocks, blocks.Blocks);
                break;
            case CoveragePattern coverage:
                Write(Kind.Coverage, coverage.LeastTokens, coverage.MostTokens, coverage.Block);
                writer.Write(coverage.Gamma);
                writer.Write(coverage.Tau);
                break;
            case AntidiagonalPattern antidiagonal:
                Write(Kind.Antidiagonal, antidiagonal.Stride, antidiagonal.Block);
                writer.Write(antidiagonal.Threshold);
                break;
            default:
                throw new NotSupportedException($"{pattern} has no form in units of work.");
        }

        void Write(Kind kind, params ReadOnlySpan<int> numbers)
        {
            writer.Write((byte)kind);
            foreach (int number in numbers)
                writer.Write7BitEncodedInt(number);
        }
    }

    private static HeadPattern ReadPattern(BinaryReader reader)
    {
        return (Kind)reader.ReadByte() switch
        {
            Kind.Stream => new StreamPattern(Tokens(), Tokens(1), Tokens()),
            Kind.VerticalSlash => new VerticalSlashPattern(Tokens(), Tokens()),
            Kind.PooledBlocks => new PooledBlocksPattern(Tokens(1)),
            Kind.Coverage => ReadCoverage(),
            Kind.Antidiagonal => ReadAntidiagonal(),
            _ => throw new FormatException("no pattern of that kind"),
        };

        int Tokens(int least = 0) => reader.ReadWithin(least, int.MaxValue);

        int Block() => reader.ReadWithin(64, 256) is var block && block % 64 == 0 ? block : throw new FormatException($"blocks of {block} tokens");

        CoveragePattern ReadCoverage()
        {
            (int least, int most, int block) = (Tokens(), Tokens(), Block());
            return new CoveragePattern(reader.ReadFinite(), reader.ReadFinite(), least, most, block);
        }

        AntidiagonalPattern ReadAntidiagonal()
        {
            (int stride, int block) = (Tokens(1), Block());
            return 64 % stride == 0 ? new AntidiagonalPattern(reader.ReadFinite(), stride, block) : throw new FormatException($"a stride of {stride} tokens");
        }
    }
}
