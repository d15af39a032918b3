using System.Buffers.Binary;
using System.Text;

namespace MoA.Engine.Files;

/// <summary>Reads the header of a mapped GGUF file from its start; nothing beyond the file is ever touched.</summary>
internal unsafe ref struct GgufCursor(string path, byte* start, long length)
{
    // The format has no limit; known keys hold lists of plain values only.
    private const int DeepestArray = 4;
    private const long LargestValue = 1 << 30;

    /// <summary>Bytes read so far.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes left.</summary>
    public readonly long Remaining => length - Position;

    public uint ReadUInt32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(4, what));

    /// <summary>A number of things of which each takes at least some bytes, so that it cannot exceed what is left.</summary>
    public long ReadCount(int bytesOfEach, string what)
    {
        ulong count = BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what));
        if (count > (ulong)(Remaining / bytesOfEach))
        {
            throw InputFile.Error(path, $"truncated or damaged: {what} is {count}, which the {Remaining} bytes after byte " +
                $"{Position} cannot hold; download or copy the file again");
        }

        return (long)count;
    }

    public ulong ReadUInt64(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what));

    public string ReadString(string what) => Encoding.UTF8.GetString(TakeString(what));

    /// <summary>Steps over a value and remembers where it lies.</summary>
    public GgufValue ReadValue(string key)
    {
        GgufValueType type = ReadType(key);
        if (type != GgufValueType.Array)
            return ReadItems(type, isArray: false, 1, key, 0);
        (GgufValueType itemType, long count) = ReadArrayHead(key);
        return ReadItems(itemType, isArray: true, count, key, 0);
    }

    private GgufValue ReadItems(GgufValueType type, bool isArray, long count, string key, int depth)
    {
        nint first = (nint)(start + Position);
        long from = Position;
        switch (type)
        {
            case GgufValueType.String:
                for (long i = 0; i < count; i++)
                    _ = TakeString(key);
                break;
            case GgufValueType.Array:
                if (depth == DeepestArray)
                    throw InputFile.Error(path, $"\"{InputFile.Cut(key)}\" nests lists more than {DeepestArray} deep");
                for (long i = 0; i < count; i++)
                {
                    (GgufValueType itemType, long items) = ReadArrayHead(key);
                    _ = ReadItems(itemType, isArray: true, items, key, depth + 1);
                }

                break;
            default:
                Skip(count * type.LeastBytes(), key);
                break;
        }

        if (Position - from > LargestValue)
            throw InputFile.Error(path, $"\"{InputFile.Cut(key)}\" has {Position - from} bytes; expected at most {LargestValue}");
        return new GgufValue(type, isArray, count, first, Position - from);
    }

    private (GgufValueType Type, long Count) ReadArrayHead(string key)
    {
        GgufValueType type = ReadType(key);
        return (type, ReadCount(type.LeastBytes(), $"the length of \"{InputFile.Cut(key)}\""));
    }

    private GgufValueType ReadType(string key)
    {
        GgufValueType type = (GgufValueType)ReadUInt32(key);
        return type.IsKnown()
            ? type
            : throw InputFile.Error(path, $"\"{InputFile.Cut(key)}\" has the unknown value type {(uint)type}; expected 0 to 12");
    }

    private ReadOnlySpan<byte> TakeString(string what)
    {
        long bytes = ReadCount(1, $"the length of a string in {InputFile.Cut(what)}");
        if (bytes > Array.MaxLength / 4)
            throw InputFile.Error(path, $"a string in {InputFile.Cut(what)} has {bytes} bytes; expected far fewer");
        return Take((int)bytes, what);
    }

    private ReadOnlySpan<byte> Take(int count, string what)
    {
        long from = Position;
        Skip(count, what);
        return new ReadOnlySpan<byte>(start + from, count);
    }

    private void Skip(long count, string what)
    {
        if (count > Remaining)
        {
            throw InputFile.Error(path, $"truncated: {InputFile.Cut(what)} needs bytes {Position}..{Position + count} but the " +
                $"file has {length}; download or copy it again");
        }

        Position += count;
    }
}
