using System.Buffers.Binary;
using System.Text.Json;

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

    /// <summary>Bytes of one element, or null if the format is not known.</summary>
    public static int? ElementSize(string dType) => dType switch
    {
        "F64" or "I64" or "U64" => 8,
        "F32" or "I32" or "U32" => 4,
        "F16" or "BF16" or "I16" or "U16" => 2,
        "I8" or "U8" or "BOOL" or "F8_E4M3" or "F8_E5M2" => 1,
        _ => null,
    };

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
        return JsonFields.Read(path, json, fields => Parse(fields, dataStart, fileBytes));
    }

    private static SafetensorsHeader Parse(JsonFields fields, long dataStart, long fileBytes)
    {
        Dictionary<string, string> metadata = [];
        List<SafetensorsExtent> tensors = new(fields.Count);
        foreach (JsonProperty member in fields.All)
        {
            if (member.Name == MetadataKey)
                ReadMetadata(fields.ObjectOf(member.Name, member.Value), metadata);
            else
                tensors.Add(ReadTensor(fields.ObjectOf(member.Name, member.Value), member.Name));
        }

        tensors.Sort(static (a, b) => (a.Start, a.End).CompareTo((b.Start, b.End)));
        CheckExtents(fields, tensors, dataStart, fileBytes);
        return new SafetensorsHeader(dataStart, metadata, tensors);
    }

    private static void ReadMetadata(JsonFields strings, Dictionary<string, string> metadata)
    {
        foreach (JsonProperty member in strings.All)
        {
            metadata.Add(member.Name, member.Value.ValueKind == JsonValueKind.String
                ? member.Value.GetString()!
                : throw strings.Wrong(member.Name, member.Value, "a string"));
        }
    }

    private static SafetensorsExtent ReadTensor(JsonFields tensor, string name)
    {
        string dType = tensor.OptionalString("dtype") ?? throw tensor.Missing("dtype");
        int elementSize = ElementSize(dType) ??
            throw tensor.Fault($"tensor {JsonFields.Cut(name)} has the unknown dtype \"{JsonFields.Cut(dType)}\"");
        long[] shape = tensor.OptionalLongs("shape") ?? throw tensor.Missing("shape");
        if (tensor.OptionalLongs("data_offsets") is not [long start, long end])
            throw tensor.Fault($"tensor {JsonFields.Cut(name)}: expected two data_offsets");
        if (ElementCount(shape) is not long count || count > long.MaxValue / elementSize)
            throw tensor.Fault($"{Stated()}; expected sizes of at least 0 whose bytes fit 63 bits");
        if (start < 0 || end < start || end - start != count * elementSize)
            throw tensor.Fault($"{Stated()} and data_offsets {start}..{end}; expected {count * elementSize} bytes");
        return new SafetensorsExtent(name, dType, shape, start, end);

        string Stated() =>
            $"tensor {JsonFields.Cut(name)} has dtype {dType}, shape [{JsonFields.Cut(string.Join(", ", shape))}]";
    }

    private static void CheckExtents(
        JsonFields fields, List<SafetensorsExtent> tensors, long dataStart, long fileBytes)
    {
        long position = 0;
        foreach (SafetensorsExtent tensor in tensors)
        {
            string name = JsonFields.Cut(tensor.Name);
            if (tensor.End > fileBytes - dataStart)
            {
                throw fields.Fault($"truncated: tensor {name} needs bytes {dataStart + tensor.Start}.." +
                    $"{(ulong)dataStart + (ulong)tensor.End} but the file has {fileBytes}; download or copy it again");
            }

            if (tensor.Start != position)
            {
                string fault = tensor.Start < position ? "overlaps the tensor before it" : "leaves a gap before it";
                throw fields.Fault($"tensor {name} {fault}: starts at data offset {tensor.Start}; expected {position}");
            }

            position = tensor.End;
        }

        if (position != fileBytes - dataStart)
        {
            throw fields.Fault($"has {fileBytes} bytes but its tensors end at byte {dataStart + position}; " +
                "expected nothing after them");
        }
    }
}
