using System.Text;

namespace MoA.Engine.Tests.Files;

/// <summary>Writes GGUF files byte by byte as the format's description has them, right or wrong.</summary>
internal sealed class GgufBytes
{
    private readonly List<byte> _metadata = [];
    private readonly List<byte> _tensors = [];
    private readonly List<byte> _data = [];
    private ulong _keys;
    private ulong _names;

    public uint Magic { get; set; } = 0x46554747;

    public uint Version { get; set; } = 3;

    public int Alignment { get; set; } = 32;

    public ulong? TensorCount { get; set; }

    public ulong? KeyCount { get; set; }

    public GgufBytes Add(string key, uint value) => Add(key, 4, BitConverter.GetBytes(value));

    public GgufBytes Add(string key, float value) => Add(key, 6, BitConverter.GetBytes(value));

    public GgufBytes Add(string key, string value) => Add(key, 8, Text(value));

    public GgufBytes Add(string key, bool value) => Add(key, 7, [value ? (byte)1 : (byte)0]);

    public GgufBytes Add(string key, params string[] values) =>
        Add(key, 9, [.. Head(8, values.Length), .. values.SelectMany(Text)]);

    public GgufBytes Add(string key, float[] values) =>
        Add(key, 9, [.. Head(6, values.Length), .. values.SelectMany(BitConverter.GetBytes)]);

    public GgufBytes Add(string key, int[] values) =>
        Add(key, 9, [.. Head(5, values.Length), .. values.SelectMany(BitConverter.GetBytes)]);

    /// <summary>A value of any type, as it stands in the file.</summary>
    public GgufBytes Add(string key, uint type, byte[] value)
    {
        _keys++;
        _metadata.AddRange(Text(key));
        _metadata.AddRange(BitConverter.GetBytes(type));
        _metadata.AddRange(value);
        return this;
    }

    /// <summary>A tensor; sizes from the fastest dimension to the slowest, as the file has them.</summary>
    public GgufBytes AddTensor(string name, uint type, ulong[] sizes, byte[] data, ulong? offset = null)
    {
        while (_data.Count % Alignment != 0)
            _data.Add(0);
        _names++;
        _tensors.AddRange(Text(name));
        _tensors.AddRange(BitConverter.GetBytes((uint)sizes.Length));
        foreach (ulong size in sizes)
            _tensors.AddRange(BitConverter.GetBytes(size));
        _tensors.AddRange(BitConverter.GetBytes(type));
        _tensors.AddRange(BitConverter.GetBytes(offset ?? (ulong)_data.Count));
        _data.AddRange(data);
        return this;
    }

    public GgufBytes AddTensor(string name, ulong[] sizes, float[] values) =>
        AddTensor(name, 0, sizes, [.. values.SelectMany(BitConverter.GetBytes)]);

    public byte[] Build()
    {
        List<byte> file = [];
        file.AddRange(BitConverter.GetBytes(Magic));
        file.AddRange(BitConverter.GetBytes(Version));
        file.AddRange(BitConverter.GetBytes(TensorCount ?? _names));
        file.AddRange(BitConverter.GetBytes(KeyCount ?? _keys));
        file.AddRange(_metadata);
        file.AddRange(_tensors);
        while (file.Count % Alignment != 0)
            file.Add(0);
        file.AddRange(_data);
        return [.. file];
    }

    public static byte[] Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return [.. BitConverter.GetBytes((ulong)bytes.Length), .. bytes];
    }

    public static byte[] Head(uint itemType, long count) =>
        [.. BitConverter.GetBytes(itemType), .. BitConverter.GetBytes(count)];
}
