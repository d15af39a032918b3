using System.Runtime.InteropServices;
using System.Text;
using MoA.Engine;
using MoA.Engine.Attention;
using MoA.Engine.Files;
using MoA.Engine.Numerics;

namespace MoA.Search.Units;

/// <summary>How payloads and results of units are written: numbers as <see cref="BinaryWriter"/> has them, lists behind their length.</summary>
internal static class UnitFormat
{
    /// <summary>The bytes of what is written.</summary>
    public static byte[] Write(Action<BinaryWriter> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        using MemoryStream bytes = new();
        using (BinaryWriter writer = new(bytes, Encoding.UTF8))
        {
            write(writer);
            writer.Flush();
            return bytes.ToArray();
        }
    }

    /// <summary>Reads bytes from another machine.</summary>
    /// <param name="bytes">All of them.</param>
    /// <param name="what">What they are, for the message.</param>
    /// <param name="read">Reads and checks.</param>
    /// <exception cref="InvalidInputException">They are something else, or damaged.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> bytes, string what, Func<BinaryReader, T> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        ArraySegment<byte> segment = MemoryMarshal.TryGetArray(bytes, out ArraySegment<byte> own) ? own : new ArraySegment<byte>(bytes.ToArray());
        using MemoryStream stream = new(segment.Array!, segment.Offset, segment.Count, writable: false);
        using BinaryReader reader = new(stream, Encoding.UTF8);
        try
        {
            T result = read(reader);
            return stream.Position == stream.Length
                ? result
                : throw new FormatException($"{stream.Length - stream.Position} bytes more than expected");
        }
        catch (Exception failure) when (failure is EndOfStreamException or FormatException or ArgumentException)
        {
            throw new InvalidInputException(
                $"{what}: {bytes.Length} bytes that cannot be read ({failure.Message.ReplaceLineEndings(" ").TrimEnd('.')}); do all members run the same version of moa?",
                failure);
        }
    }

    /// <summary>The number of entries that follow, each of a byte at least.</summary>
    public static int ReadCount(this BinaryReader reader, int bytesEach = 1)
    {
        ArgumentNullException.ThrowIfNull(reader);
        int count = reader.Read7BitEncodedInt();
        return count >= 0 && count <= (reader.BaseStream.Length - reader.BaseStream.Position) / bytesEach
            ? count
            : throw new FormatException($"{count} entries announced");
    }

    /// <summary>A number within a range.</summary>
    public static int ReadWithin(this BinaryReader reader, int least, int most)
    {
        ArgumentNullException.ThrowIfNull(reader);
        int value = reader.Read7BitEncodedInt();
        return value >= least && value <= most ? value : throw new FormatException($"{value} where {least} to {most} is expected");
    }

    /// <summary>Tokens in a block that rules may count in.</summary>
    public static int ReadBlock(this BinaryReader reader)
    {
        int block = reader.ReadWithin(1, ElasticRule.BlockSize);
        return ElasticRule.Blocks.Contains(block) ? block : throw new FormatException($"blocks of {block} tokens");
    }

    /// <summary>A number that is finite.</summary>
    public static double ReadFinite(this BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        double value = reader.ReadDouble();
        return double.IsFinite(value) ? value : throw new FormatException($"{value} where a finite number is expected");
    }

    /// <summary>Whole numbers of at least 0: tokens.</summary>
    public static void WriteTokens(this BinaryWriter writer, IReadOnlyCollection<int> tokens)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(tokens);
        writer.Write7BitEncodedInt(tokens.Count);
        foreach (int token in tokens)
            writer.Write7BitEncodedInt(token);
    }

    /// <summary>What <see cref="WriteTokens"/> wrote.</summary>
    public static int[] ReadTokens(this BinaryReader reader)
    {
        int[] tokens = new int[reader.ReadCount()];
        for (int i = 0; i < tokens.Length; i++)
            tokens[i] = reader.ReadWithin(0, int.MaxValue);
        return tokens;
    }

    /// <summary>A mark for each token, eight in a byte; how many there are is known to the reader.</summary>
    public static void WriteMarks(this BinaryWriter writer, bool[] marks)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(marks);
        foreach (bool[] eight in marks.Chunk(8))
            writer.Write((byte)eight.Select((marked, i) => marked ? 1 << i : 0).Sum());
    }

    /// <summary>What <see cref="WriteMarks"/> wrote.</summary>
    public static bool[] ReadMarks(this BinaryReader reader, int count)
    {
        ArgumentNullException.ThrowIfNull(reader);
        bool[] marks = new bool[count];
        for (int i = 0; i < count; i += 8)
        {
            byte eight = reader.ReadByte();
            for (int bit = 0; bit < 8 && i + bit < count; bit++)
                marks[i + bit] = (eight >> bit & 1) == 1;
        }

        return marks;
    }

    /// <summary>The format of KV rows, by its name.</summary>
    public static void WriteCacheType(this BinaryWriter writer, ElementType type)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(type.Name());
    }

    /// <summary>What <see cref="WriteCacheType"/> wrote.</summary>
    public static ElementType ReadCacheType(this BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        string name = reader.ReadString();
        return ElementTypes.Parse(name) is ElementType type and (ElementType.F32 or ElementType.BF16 or ElementType.Q8_0)
            ? type
            : throw new FormatException($"caches of '{InputFile.Cut(name)}'");
    }
}
