using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>
/// Writes GGUF files of version 3 (docs/gguf.md of ggml): collects metadata and tensors, then streams the tensors' bytes. A
/// file appears whole or not at all.
/// </summary>
internal sealed class GgufWriter
{
    private const uint Version = 3;
    private const int Alignment = GgufHeader.DefaultAlignment;

    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private readonly List<byte> _metadata = [];
    private readonly List<Tensor> _tensors = [];

    /// <summary>Bytes of the tensors so far, with their padding.</summary>
    public long TensorBytes { get; private set; }

    /// <summary>Whether a key has been added.</summary>
    public bool Has(string key) => _keys.Contains(key);

    public void Add(string key, string value)
    {
        Begin(key, GgufValueType.String);
        Put(value);
    }

    public void Add(string key, uint value)
    {
        Begin(key, GgufValueType.UInt32);
        Put(value);
    }

    public void Add(string key, int value)
    {
        Begin(key, GgufValueType.Int32);
        Put((uint)value);
    }

    public void Add(string key, float value)
    {
        Begin(key, GgufValueType.Float32);
        Put(value);
    }

    public void Add(string key, bool value)
    {
        Begin(key, GgufValueType.Bool);
        _metadata.Add(value ? (byte)1 : (byte)0);
    }

    public void Add(string key, IReadOnlyCollection<string> values)
    {
        BeginList(key, GgufValueType.String, values.Count);
        foreach (string value in values)
            Put(value);
    }

    public void Add(string key, IReadOnlyCollection<float> values)
    {
        BeginList(key, GgufValueType.Float32, values.Count);
        foreach (float value in values)
            Put(value);
    }

    public void Add(string key, IReadOnlyCollection<int> values)
    {
        BeginList(key, GgufValueType.Int32, values.Count);
        foreach (int value in values)
            Put((uint)value);
    }

    public void Add(string key, IReadOnlyCollection<bool> values)
    {
        BeginList(key, GgufValueType.Bool, values.Count);
        foreach (bool value in values)
            _metadata.Add(value ? (byte)1 : (byte)0);
    }

    /// <summary>Adds a value of another file as it stands there.</summary>
    public void Copy(string key, GgufValue value)
    {
        if (value.IsArray)
            BeginList(key, value.Type, value.Count);
        else
            Begin(key, value.Type);
        _metadata.AddRange(value.Raw);
    }

    /// <summary>Adds a tensor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Format of the elements.</param>
    /// <param name="shape">Sizes from the slowest dimension to the fastest.</param>
    /// <param name="write">Writes its bytes, all of them, when their turn comes.</param>
    public void AddTensor(string name, ElementType type, long[] shape, Action<Stream> write)
    {
        long bytes = type.RowBytes(shape.Aggregate(1L, (count, size) => checked(count * size)));
        _tensors.Add(new Tensor(name, type, shape, TensorBytes, bytes, write));
        TensorBytes += Padded(bytes);
    }

    /// <summary>Writes the file with its tensors, of which there is one at least; an existing file is replaced at the end.</summary>
    /// <param name="path">The file.</param>
    /// <param name="progress">Told before each tensor and at the end.</param>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk.</exception>
    public void Write(string path, Action<ConversionProgress>? progress)
    {
        byte[] header = Header();
        WholeFile.Write(path, file =>
        {
            file.Write(header);
            for (int i = 0; i < _tensors.Count; i++)
            {
                Tensor tensor = _tensors[i];
                progress?.Invoke(new ConversionProgress(tensor.Name, i, _tensors.Count));
                long start = file.Position;
                tensor.Write(file);
                if (file.Position - start != tensor.Bytes)
                    throw new InvalidOperationException($"Tensor {tensor.Name} wrote {file.Position - start} bytes of {tensor.Bytes}.");
                file.Write(new byte[Padded(tensor.Bytes) - tensor.Bytes]);
            }
        });
        progress?.Invoke(new ConversionProgress(_tensors[^1].Name, _tensors.Count, _tensors.Count));
    }

    /// <summary>The length of the file as it stands now.</summary>
    public long FileBytes() => Header().Length + TensorBytes;

    /// <summary>
    /// About the seconds that all tensors take to be made, by some of them: made for half a second and thrown away. The first is
    /// left out where there are others, since it can be far larger than the rest.
    /// </summary>
    public double Rehearse()
    {
        const double Enough = 0.5;
        long start = Stopwatch.GetTimestamp(), bytes = 0;
        foreach (Tensor tensor in _tensors.Count > 1 ? _tensors.Skip(1) : _tensors)
        {
            tensor.Write(Stream.Null);
            bytes += tensor.Bytes;
            if (Stopwatch.GetElapsedTime(start).TotalSeconds >= Enough)
                break;
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds * TensorBytes / bytes;
    }

    private byte[] Header()
    {
        List<byte> header = new(_metadata.Count + 128 * _tensors.Count);
        Put(header, GgufHeader.Magic);
        Put(header, Version);
        Put(header, (ulong)_tensors.Count);
        Put(header, (ulong)_keys.Count);
        header.AddRange(_metadata);
        foreach (Tensor tensor in _tensors)
        {
            Put(header, tensor.Name);
            Put(header, (uint)tensor.Shape.Length);
            foreach (long size in tensor.Shape.Reverse())
                Put(header, (ulong)size);
            Put(header, GgufTensorTypes.Code(tensor.Type));
            Put(header, (ulong)tensor.Offset);
        }

        header.AddRange(new byte[Padded(header.Count) - header.Count]);
        return [.. header];
    }

    private static long Padded(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    private void BeginList(string key, GgufValueType type, long count)
    {
        Begin(key, GgufValueType.Array);
        Put((uint)type);
        Put(_metadata, (ulong)count);
    }

    private void Begin(string key, GgufValueType type)
    {
        if (!_keys.Add(key))
            throw new ArgumentException($"The key {key} stands there twice.", nameof(key));
        Put(key);
        Put((uint)type);
    }

    private void Put(string text) => Put(_metadata, text);

    private void Put(uint value) => Put(_metadata, value);

    private void Put(float value) => Put(_metadata, BitConverter.SingleToUInt32Bits(value));

    private static void Put(List<byte> to, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Put(to, (ulong)bytes.Length);
        to.AddRange(bytes);
    }

    private static void Put(List<byte> to, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        to.AddRange(bytes);
    }

    private static void Put(List<byte> to, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        to.AddRange(bytes);
    }

    private sealed record Tensor(string Name, ElementType Type, long[] Shape, long Offset, long Bytes, Action<Stream> Write);
}
