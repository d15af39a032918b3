using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace MoA.Engine.Files;

/// <summary>
/// Writes safetensors files (https://huggingface.co/docs/safetensors). The same content gives the same bytes: tensors
/// stand in ordinal order of their names, the header is padded to a multiple of 8 bytes. A file appears whole or not at
/// all: it is written beside its place and then renamed.
/// </summary>
internal static class SafetensorsWriter
{
    private const int PieceElements = 1 << 20;

    /// <summary>Writes F32 tensors.</summary>
    /// <param name="path">The file, replaced if it exists.</param>
    /// <param name="metadata">Strings for the header, or null.</param>
    /// <param name="tensors">Names, shapes and row-major elements.</param>
    /// <exception cref="ArgumentException">A name stands twice or is reserved, or a shape does not match its
    /// data.</exception>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk.</exception>
    public static void Write(
        string path,
        IReadOnlyDictionary<string, string>? metadata,
        IEnumerable<(string Name, long[] Shape, float[] Data)> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        Write(path, metadata, tensors.Select(tensor => new Tensor(
            tensor.Name, "F32", tensor.Shape, tensor.Data.LongLength * sizeof(float), to => Copy(tensor.Data, to))));
    }

    /// <summary>Writes tensors of any dtype.</summary>
    /// <param name="path">The file, replaced if it exists.</param>
    /// <param name="metadata">Strings for the header, or null.</param>
    /// <param name="tensors">Names, dtypes as the format spells them, shapes and little-endian, row-major bytes.</param>
    /// <exception cref="ArgumentException">A name stands twice or is reserved, a dtype is not known, or a shape does not
    /// match its data.</exception>
    /// <exception cref="InvalidInputException">No file can be made there.</exception>
    /// <exception cref="IOException">Writing failed on the way, as on a full disk.</exception>
    public static void Write(
        string path,
        IReadOnlyDictionary<string, string>? metadata,
        IEnumerable<(string Name, string DType, long[] Shape, ReadOnlyMemory<byte> Data)> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        Write(path, metadata, tensors.Select(tensor => new Tensor(
            tensor.Name, tensor.DType, tensor.Shape, tensor.Data.Length, to => to.Write(tensor.Data.Span))));
    }

    /// <summary>Writes tensors whose bytes come when they are asked for.</summary>
    /// <param name="path">The file, replaced if it exists.</param>
    /// <param name="metadata">Strings for the header, or null.</param>
    /// <param name="tensors">The tensors.</param>
    /// <param name="ownerOnly">Whether only the file's owner may read it.</param>
    internal static void Write(string path, IReadOnlyDictionary<string, string>? metadata, IEnumerable<Tensor> tensors, bool ownerOnly = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        Tensor[] sorted = [.. tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal)];
        for (int i = 0; i < sorted.Length; i++)
            Check(sorted[i], i == 0 ? null : sorted[i - 1].Name);
        ReadOnlyMemory<byte> header = Header(metadata, sorted);

        WholeFile.Write(path, file =>
        {
            Span<byte> length = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            file.Write(length);
            file.Write(header.Span);
            foreach (Tensor tensor in sorted)
                tensor.CopyTo(file);
        }, ownerOnly);
    }

    private static void Check(Tensor tensor, string? before)
    {
        if (tensor.Name == before)
            throw new ArgumentException($"Two tensors are named {tensor.Name}.", nameof(tensor));
        if (tensor.Name == SafetensorsHeader.MetadataKey)
            throw new ArgumentException($"No tensor may be named {tensor.Name}.", nameof(tensor));
        if (SafetensorsHeader.ElementBits(tensor.DType) is null)
            throw new ArgumentException($"Tensor {tensor.Name} has the unknown dtype {tensor.DType}.", nameof(tensor));
        if (SafetensorsHeader.Bytes(tensor.DType, tensor.Shape) != tensor.Length)
        {
            throw new ArgumentException(
                $"Tensor {tensor.Name} has {tensor.Length} bytes of {tensor.DType}, which its shape does not give.",
                nameof(tensor));
        }
    }

    private static ReadOnlyMemory<byte> Header(IReadOnlyDictionary<string, string>? metadata, Tensor[] tensors)
    {
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter json = new(text))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(SafetensorsHeader.MetadataKey);
                foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }

            long start = 0;
            foreach (Tensor tensor in tensors)
            {
                WriteTensor(json, tensor, start);
                start += tensor.Length;
            }

            json.WriteEndObject();
        }

        int padding = -text.WrittenCount & 7;
        text.GetSpan(8)[..padding].Fill((byte)' ');
        text.Advance(padding);
        return text.WrittenMemory;
    }

    private static void WriteTensor(Utf8JsonWriter json, Tensor tensor, long start)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.DType);
        json.WriteStartArray("shape");
        foreach (long size in tensor.Shape)
            json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(start);
        json.WriteNumberValue(start + tensor.Length);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Copy(float[] data, Stream to)
    {
        for (int start = 0; start < data.Length; start += PieceElements)
            to.Write(MemoryMarshal.AsBytes(data.AsSpan(start, Math.Min(PieceElements, data.Length - start))));
    }

    /// <summary>A tensor to write.</summary>
    internal sealed record Tensor(string Name, string DType, long[] Shape, long Length, Action<Stream> CopyTo);
}
