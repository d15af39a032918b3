using System.Runtime.InteropServices;
using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>
/// A memory-mapped safetensors file (https://huggingface.co/docs/safetensors). The whole header is checked when the
/// file is opened, so every tensor that can be asked for lies within the file. The file must not be cut short while
/// open.
/// </summary>
internal sealed unsafe class SafetensorsFile : ITensorFile
{
    private readonly Dictionary<string, SafetensorsEntry> _entries = new(StringComparer.Ordinal);
    private readonly MappedFile _file;
    private bool _disposed;

    private SafetensorsFile(string path, MappedFile file)
    {
        Path = path;
        _file = file;
        SafetensorsHeader header = SafetensorsHeader.Read(path, file.Data, file.Length);
        Metadata = header.Metadata;
        byte* data = file.Data + header.DataStart;
        foreach (SafetensorsExtent tensor in header.Tensors)
        {
            _entries.Add(tensor.Name,
                new SafetensorsEntry(tensor.DType, tensor.Shape, data + tensor.Start, tensor.End - tensor.Start));
        }
    }

    /// <summary>The path that was opened.</summary>
    public string Path { get; }

    MappedFile ITensorFile.Mapping => _file;

    /// <summary>The strings of the header's <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Names of the tensors.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    IEnumerable<TensorHeader> ITensorFile.Headers => _entries.Values.Select(entry =>
        new TensorHeader(entry.DType.ToLowerInvariant(), SafetensorsHeader.ElementCount(entry.Shape)!.Value, entry.Length));

    /// <summary>A tensor by name.</summary>
    /// <exception cref="InvalidInputException">The file has no such tensor.</exception>
    public SafetensorsEntry this[string name] => _entries.TryGetValue(name, out SafetensorsEntry? entry)
        ? entry
        : throw InputFile.Error(Path, $"has no tensor {InputFile.Cut(name)}");

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read, is cut short, or is not a well-formed
    /// safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        MappedFile file = MappedFile.Open(path, SafetensorsHeader.LengthBytes, "a safetensors file");
        try
        {
            return new SafetensorsFile(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether the file has a tensor of this name.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>A copy of a tensor of dtype F32, F16, BF16 or F64 as floats, in row-major order.</summary>
    /// <exception cref="InvalidInputException">There is no such tensor, or it has another dtype or more elements than
    /// an array holds.</exception>
    public float[] ReadFloats(string name)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        SafetensorsEntry entry = this[name];
        if (entry.DType is not ("F32" or "F16" or "BF16" or "F64"))
            throw InputFile.Error(Path, $"tensor {name} is {entry.DType}; expected F32, F16, BF16 or F64");
        long count = SafetensorsHeader.ElementCount(entry.Shape)!.Value;
        if (count > Array.MaxLength)
            throw InputFile.Error(Path, $"tensor {name} has {count} elements; expected at most {Array.MaxLength}");
        float[] values = new float[count];
        fixed (float* to = values)
            Widen(entry, to, count);
        return values;
    }

    /// <inheritdoc/>
    StoredTensor ITensorFile.Find(string name)
    {
        SafetensorsEntry entry = this[name];
        ElementType type = entry.DType switch
        {
            "F32" => ElementType.F32,
            "F16" => ElementType.F16,
            "BF16" => ElementType.BF16,
            _ => throw InputFile.Error(Path, $"tensor {name} is {InputFile.Cut(entry.DType)}; expected F32, F16 or BF16"),
        };
        return new StoredTensor(Path, type, entry.Shape, (nint)entry.Data);
    }

    /// <inheritdoc/>
    (long[] Shape, nint Data) ITensorFile.FindBytes(string name)
    {
        SafetensorsEntry entry = this[name];
        return entry.DType == "U8"
            ? (entry.Shape, (nint)entry.Data)
            : throw InputFile.Error(Path, $"tensor {name} is {InputFile.Cut(entry.DType)}; expected U8");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _file.Dispose();
    }

    private static void Widen(SafetensorsEntry entry, float* to, long count)
    {
        switch (entry.DType)
        {
            case "F32":
                NativeMemory.Copy(entry.Data, to, (nuint)entry.Length);
                break;
            case "F16":
                for (long i = 0; i < count; i++)
                    to[i] = (float)((Half*)entry.Data)[i];
                break;
            case "BF16":
                for (long i = 0; i < count; i++)
                    to[i] = BitConverter.UInt32BitsToSingle((uint)((ushort*)entry.Data)[i] << 16);
                break;
            default:
                for (long i = 0; i < count; i++)
                    to[i] = (float)((double*)entry.Data)[i];
                break;
        }
    }
}
