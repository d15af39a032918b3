using System.Buffers.Binary;

namespace MoA.Engine.Files;

/// <summary>Where one tensor lies: bytes <c>Start ≤ i &lt; End</c> after the header.</summary>
internal readonly record struct SafetensorsExtent(string Name, string DType, long[] Shape, long Start, long End);

/// <summary>
/// The checked header of a safetensors file: 8 bytes of length, a JSON object of that length, then the tensors' bytes
/// side by side without gap or overlap (https://huggingface.co/docs/safetensors, "Format").
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The most bytes of JSON that the format's own library accepts.</summary>
    public const int LongestJson = 100_000_000;

    /// <summary>Bytes of the length in front of the header.</summary>
    public const int LengthBytes = 8;

    public const string MetadataKey = "__metadata__";

    private SafetensorsHeader(long dataStart, Dictionary<string, string> metadata, List<SafetensorsExtent> tensors)
    {
        DataStart = dataStart;
        Metadata = metadata;
        Tensors = tensors;
    }

    /// <summary>Where the tensors' bytes begin in the file.</summary>
    public long DataStart { get; }

    /// <summary>The strings of <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors by position.</summary>
    public IReadOnlyList<SafetensorsExtent> Tensors { get; }

    /// <summary>Bits of one element, or null if the format is not one of the safetensors library's.</summary>
    public static int? ElementBits(string dType) => dType switch
    {
        "F64" or "I64" or "U64" or "C64" => 64,
        "F32" or "I32" or "U32" => 32,
        "F16" or "BF16" or "I16" or "U16" => 16,
        "I8" or "U8" or "BOOL" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" or "F8_E4M3FNUZ" or "F8_E5M2FNUZ" => 8,
        "F6_E2M3" or "F6_E3M2" => 6,
        "F4" => 4,
        _ => null,
    };

    /// <summary>
    /// Bytes of a tensor; null if the format is not known, or the shape gives no whole number of bytes below 2⁶³.
    /// </summary>
    public static long? Bytes(string dType, ReadOnlySpan<long> shape) =>
        ElementBits(dType) is int bits && ElementCount(shape) is long count && (Int128)count * bits is var all &&
        all % 8 == 0 && all / 8 <= long.MaxValue
            ? (long)(all / 8)
            : null;

    /// <summary>Number of elements of a shape, or null if a size is negative or the product overflows.</summary>
    public static long? ElementCount(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long size in shape)
        {
            if (size < 0 || Math.BigMul(count, size, out long product) != 0 || product < 0)
                return null;
            count = product;
        }

        return count;
    }

    /// <summary>Reads and checks the header of a mapped file of at least <see cref="LengthBytes"/> bytes.</summary>
    /// <exception cref="InvalidInputException">It is not a whole, well-formed safetensors file.</exception>
    public static unsafe SafetensorsHeader Read(string path, byte* start, long fileBytes)
    {
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(start, LengthBytes));
        if (length is < 2 or > LongestJson)
        {
            throw InputFile.Error(path,
                $"not a safetensors file: its header has {length} bytes; expected 2 to {LongestJson}");
        }

        long dataStart = LengthBytes + (long)length;
        if (dataStart > fileBytes)
        {
            throw InputFile.Error(path, $"truncated: the header needs bytes {LengthBytes}..{dataStart} but the file " +
                $"has {fileBytes}; download or copy it again");
        }

        byte[] json = new ReadOnlySpan<byte>(start + LengthBytes, (int)length).ToArray();
        if (json[0] != (byte)'{')
            throw InputFile.Error(path, "not a safetensors file: its header does not begin with '{'");
        return JsonField.Read(path, json, root => Parse(root, dataStart, fileBytes));
    }

    private static SafetensorsHeader Parse(JsonField root, long dataStart, long fileBytes)
    {
        Dictionary<string, string> metadata = [];
        List<SafetensorsExtent> tensors = new(root.Count);
        foreach ((string name, JsonField value) in root.Fields())
        {
            if (name != MetadataKey)
                tensors.Add(ReadTensor(root, name, value));
            else
                metadata = value.Fields().ToDictionary(text => text.Name, text => text.Value.AsString());
        }

        tensors.Sort(static (a, b) => (a.Start, a.End).CompareTo((b.Start, b.End)));
        CheckExtents(root, tensors, dataStart, fileBytes);
        return new SafetensorsHeader(dataStart, metadata, tensors);
    }

    private static SafetensorsExtent ReadTensor(JsonField root, string name, JsonField tensor)
    {
        string dType = tensor["dtype"].AsString();
        long[] shape = [.. tensor["shape"].Items().Select(size => size.AsLong())];
        if (tensor["data_offsets"].Items().Select(offset => offset.AsLong()).ToArray() is not [long start, long end])
            throw tensor["data_offsets"].Expected("two offsets");
        // Where the format is not known the offsets alone say how long the tensor is: it is in nobody's way until it is needed.
        long? bytes = Bytes(dType, shape);
        if (bytes is null && (ElementBits(dType) is not null || ElementCount(shape) is null))
            throw root.Refuse($"{Stated()}; expected sizes of at least 0 whose bytes are whole and fit 63 bits");
        if (start < 0 || end < start || (bytes is long expected && end - start != expected))
            throw root.Refuse($"{Stated()} and data_offsets {start}..{end}; expected {(bytes is null ? "start ≤ end" : $"{bytes} bytes")}");
        return new SafetensorsExtent(name, dType, shape, start, end);

        string Stated() => $"tensor {InputFile.Cut(name)} has dtype {InputFile.Cut(dType)}, " +
            $"shape [{InputFile.Cut(string.Join(", ", shape))}]";
    }

    private static void CheckExtents(
        JsonField root, List<SafetensorsExtent> tensors, long dataStart, long fileBytes)
    {
        long position = 0;
        foreach (SafetensorsExtent tensor in tensors)
        {
            string name = InputFile.Cut(tensor.Name);
            if (tensor.End > fileBytes - dataStart)
            {
                throw root.Refuse($"truncated: tensor {name} needs bytes {dataStart + tensor.Start}.." +
                    $"{(ulong)dataStart + (ulong)tensor.End} but the file has {fileBytes}; download or copy it again");
            }

            if (tensor.Start != position)
            {
                string fault = tensor.Start < position ? "overlaps the tensor before it" : "leaves a gap before it";
                throw root.Refuse($"tensor {name} {fault}: starts at data offset {tensor.Start}; expected {position}");
            }

            position = tensor.End;
        }

        if (position != fileBytes - dataStart)
        {
            throw root.Refuse($"has {fileBytes} bytes but its tensors end at byte {dataStart + position}; " +
                "expected nothing after them");
        }
    }
}
