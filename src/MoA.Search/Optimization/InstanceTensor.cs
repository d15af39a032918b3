using System.Buffers.Binary;
using System.Text.Json;
using MoA.Engine;

namespace MoA.Search.Optimization;

/// <summary>An F32 tensor of a small safetensors file, widened.</summary>
internal sealed record InstanceTensor(long[] Shape, double[] Values)
{
    public static Dictionary<string, InstanceTensor> ReadAll(string path, byte[] bytes)
    {
        ulong headerLength = bytes.Length >= 8 ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;
        if (headerLength is 0 || headerLength > (ulong)bytes.Length - 8)
        {
            throw new InvalidInputException(
                $"{path}: {bytes.Length} bytes with a header of {headerLength}; expected a safetensors file.");
        }

        ReadOnlyMemory<byte> header = bytes.AsMemory(8, (int)headerLength);
        ReadOnlySpan<byte> data = bytes.AsSpan(8 + (int)headerLength);
        try
        {
            using JsonDocument document = JsonDocument.Parse(header);
            Dictionary<string, InstanceTensor> tensors = [];
            foreach (JsonProperty entry in document.RootElement.EnumerateObject())
            {
                if (entry.Name != "__metadata__")
                    tensors[entry.Name] = Read(entry.Value, data);
            }

            return tensors;
        }
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidOperationException
            or KeyNotFoundException or OverflowException or IndexOutOfRangeException)
        {
            throw new InvalidInputException($"{path}: unreadable safetensors header ({exception.Message})", exception);
        }
    }

    private static InstanceTensor Read(JsonElement entry, ReadOnlySpan<byte> data)
    {
        if (entry.GetProperty("dtype").GetString() != "F32")
            throw new FormatException($"a tensor of type {entry.GetProperty("dtype")}; expected F32");
        long[] shape = [.. entry.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())];
        long count = 1;
        foreach (long size in shape)
            count = checked(count * size);
        JsonElement offsets = entry.GetProperty("data_offsets");
        long start = offsets[0].GetInt64();
        long end = offsets[1].GetInt64();
        if (count < 0 || start < 0 || end > data.Length || end - start != checked(count * 4))
            throw new FormatException($"a tensor of {count} values at bytes {start} to {end} of {data.Length}");
        double[] values = new double[count];
        for (int i = 0; i < values.Length; i++)
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(data[((int)start + 4 * i)..]);
        return new InstanceTensor(shape, values);
    }
}
