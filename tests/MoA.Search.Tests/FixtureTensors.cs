using System.Buffers.Binary;
using System.Text.Json;
using MoA.Tests;

namespace MoA.Search.Tests;

/// <summary>Reads the F32 tensors of a fixture, independently of the product's own readers.</summary>
internal static class FixtureTensors
{
    public static (int[] Shape, float[] Values) Read(string name, params string[] path)
    {
        byte[] bytes = File.ReadAllBytes(RepositoryFiles.Fixture(path));
        int headerLength = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        using JsonDocument header = JsonDocument.Parse(bytes.AsMemory(8, headerLength));
        JsonElement entry = header.RootElement.GetProperty(name);
        Assert.Equal("F32", entry.GetProperty("dtype").GetString());
        int start = 8 + headerLength + entry.GetProperty("data_offsets")[0].GetInt32();
        int end = 8 + headerLength + entry.GetProperty("data_offsets")[1].GetInt32();
        float[] values = new float[(end - start) / 4];
        for (int i = 0; i < values.Length; i++)
            values[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(start + 4 * i));
        return ([.. entry.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32())], values);
    }
}
