using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>
/// The checked header of a GGUF file: magic, version, counts, metadata, then names, shapes, formats and places of the
/// tensors, whose bytes follow at the next multiple of the alignment (docs/gguf.md of ggml, "File Structure").
/// </summary>
internal sealed class GgufHeader
{
    public const uint Magic = 0x46554747;
    public const string AlignmentKey = "general.alignment";
    public const int DefaultAlignment = 32;

    private const int LongestKey = 65_535;
    private const int LongestName = 1024;
    private const int MostDimensions = 4;
    private const int LargestAlignment = 1 << 20;
    private const int LongestHeader = 1 << 30;

    // Fewest bytes of a metadata entry (key length, type, value) and of a tensor (name length, dimensions, type, offset).
    private const int LeastEntryBytes = 8 + 4 + 1;
    private const int LeastTensorBytes = 8 + 4 + 4 + 8;

    private GgufHeader(uint version, GgufMetadata metadata, List<GgufTensor> tensors, int alignment, long dataStart)
    {
        Version = version;
        Metadata = metadata;
        Tensors = tensors;
        Alignment = alignment;
        DataStart = dataStart;
    }

    public uint Version { get; }

    public GgufMetadata Metadata { get; }

    /// <summary>The tensors in the order of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    public int Alignment { get; }

    /// <summary>Where the tensors' bytes begin in the file.</summary>
    public long DataStart { get; }

    /// <summary>Reads and checks the header of a mapped file.</summary>
    /// <exception cref="InvalidInputException">It is not a whole, well-formed GGUF file of a version that is read.</exception>
    public static unsafe GgufHeader Read(string path, byte* start, long length)
    {
        GgufCursor cursor = new(path, start, length);
        uint version = ReadVersion(path, ref cursor);
        long tensorCount = cursor.ReadCount(LeastTensorBytes, "the number of tensors");
        long entryCount = cursor.ReadCount(LeastEntryBytes, "the number of metadata entries");
        GgufMetadata metadata = ReadMetadata(path, ref cursor, entryCount);
        int alignment = metadata.OptionalInt(AlignmentKey, 1, LargestAlignment) ?? DefaultAlignment;
        if (!int.IsPow2(alignment))
            throw InputFile.Error(path, $"\"{AlignmentKey}\" is {alignment}; expected a power of two");
        List<GgufTensor> tensors = new((int)Math.Min(tensorCount, 1 << 20));
        HashSet<string> names = new(StringComparer.Ordinal);
        for (long i = 0; i < tensorCount; i++)
        {
            GgufTensor tensor = ReadTensor(path, ref cursor, alignment);
            if (!names.Add(tensor.Name))
                throw InputFile.Error(path, $"two tensors are named {InputFile.Cut(tensor.Name)}");
            tensors.Add(tensor);
        }

        if (cursor.Position > LongestHeader)
            throw InputFile.Error(path, $"has a header of {cursor.Position} bytes; expected at most {LongestHeader}");
        // A file of metadata only may end without padding.
        long dataStart = Math.Min(length, (cursor.Position + alignment - 1) / alignment * alignment);
        CheckExtents(path, tensors, dataStart, length);
        return new GgufHeader(version, metadata, tensors, alignment, dataStart);
    }

    private static uint ReadVersion(string path, ref GgufCursor cursor)
    {
        uint magic = cursor.ReadUInt32("the magic number");
        if (magic != Magic)
            throw InputFile.Error(path, $"not a GGUF file: it begins with 0x{magic:X8}; expected 0x{Magic:X8} (\"GGUF\")");
        uint version = cursor.ReadUInt32("the version");
        if (version is 2 or 3)
            return version;
        throw InputFile.Error(path, (version & 0xFFFF) == 0
            ? "is big-endian; expected a little-endian file: convert it"
            : $"has GGUF version {version}; expected 2 or 3: convert the model again");
    }

    private static GgufMetadata ReadMetadata(string path, ref GgufCursor cursor, long count)
    {
        GgufMetadata metadata = new(path);
        for (long i = 0; i < count; i++)
        {
            string key = cursor.ReadString("a metadata key");
            if (key.Length is 0 or > LongestKey)
                throw InputFile.Error(path, $"a metadata key has {key.Length} characters; expected 1 to {LongestKey}");
            metadata.Add(key, cursor.ReadValue(key));
        }

        return metadata;
    }

    private static GgufTensor ReadTensor(string path, ref GgufCursor cursor, int alignment)
    {
        string name = cursor.ReadString("a tensor's name");
        if (name.Length is 0 or > LongestName)
            throw InputFile.Error(path, $"a tensor's name has {name.Length} characters; expected 1 to {LongestName}");
        uint dimensions = cursor.ReadUInt32(name);
        if (dimensions > MostDimensions)
            throw InputFile.Error(path, $"tensor {name} has {dimensions} dimensions; expected at most {MostDimensions}");
        long[] shape = new long[dimensions];
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            ulong size = cursor.ReadUInt64(name);
            shape[i] = size <= long.MaxValue
                ? (long)size
                : throw InputFile.Error(path, $"tensor {name} has a dimension of {size}; expected a sane size");
        }

        uint code = cursor.ReadUInt32(name);
        ulong offset = cursor.ReadUInt64(name);
        if (offset > long.MaxValue || offset % (ulong)alignment != 0)
            throw InputFile.Error(path, $"tensor {name} starts at offset {offset}; expected a multiple of {alignment}");
        return new GgufTensor(name, code, shape, (long)offset, BytesOf(path, name, code, shape));
    }

    // How long a tensor in a format that is not read is nobody needs to know: it is in nobody's way until it is needed.
    private static long BytesOf(string path, string name, uint code, long[] shape)
    {
        if (GgufTensorTypes.Type(code) is not ElementType type)
            return 0;
        long block = type.ElementsPerBlock(), columns = shape is [.., long fastest] ? fastest : 1;
        if (columns % block != 0)
            throw InputFile.Error(path, $"tensor {name} is {type} with rows of {columns} elements; expected a multiple of {block}");
        long? count = SafetensorsHeader.ElementCount(shape);
        if (count is null || count / block > long.MaxValue / type.BytesPerBlock())
            throw InputFile.Error(path, $"tensor {name} has shape [{string.Join(", ", shape)}]; expected sizes whose bytes fit 63 bits");
        return count.Value / block * type.BytesPerBlock();
    }

    private static void CheckExtents(string path, List<GgufTensor> tensors, long dataStart, long length)
    {
        long end = 0;
        string before = "";
        foreach (GgufTensor tensor in tensors.OrderBy(tensor => tensor.Offset))
        {
            if (tensor.Offset > length - dataStart || tensor.Bytes > length - dataStart - tensor.Offset)
            {
                throw InputFile.Error(path, $"truncated: tensor {tensor.Name} needs {tensor.Bytes} bytes from byte " +
                    $"{(ulong)dataStart + (ulong)tensor.Offset} but the file has {length}; download or copy it again");
            }

            if (tensor.Offset < end)
                throw InputFile.Error(path, $"tensor {tensor.Name} at offset {tensor.Offset} overlaps tensor {before}, which ends at {end}");
            end = tensor.Offset + tensor.Bytes;
            before = tensor.Name;
        }
    }
}
