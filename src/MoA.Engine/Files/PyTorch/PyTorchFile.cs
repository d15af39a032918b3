using MoA.Engine.Numerics;

namespace MoA.Engine.Files.PyTorch;

/// <summary>
/// A mapped checkpoint of torch.save: a zip file with a pickle that describes the tensors and an entry for each storage. Tensors whose
/// elements lie side by side are used where they are mapped; others, such as transposed ones, are copied when they are asked for.
/// </summary>
internal sealed unsafe class PyTorchFile : ITensorFile
{
    private const int LongestPickle = 32 << 20;
    private const string PickleEntry = "data.pkl";

    private readonly Dictionary<string, TorchTensor> _tensors;
    private readonly Dictionary<string, NativeBuffer<byte>> _copies = new(StringComparer.Ordinal);
    private readonly NativeAllocator _allocator = new();
    private readonly MappedFile _file;
    private readonly ZipDirectory _entries;
    private readonly string _prefix;

    private PyTorchFile(string path, MappedFile file)
    {
        Path = path;
        _file = file;
        _entries = ZipDirectory.Read(path, file);
        _prefix = FindPrefix();
        (nint pickle, long length) = _entries.Find(_prefix + PickleEntry)!.Value;
        if (length > LongestPickle)
            throw InputFile.Error(path, $"{PickleEntry} has {length} bytes; expected at most {LongestPickle}");
        if (_entries.Find(_prefix + "byteorder") is (nint order, long orderLength) &&
            !new ReadOnlySpan<byte>((void*)order, (int)Math.Min(orderLength, 6)).SequenceEqual("little"u8))
        {
            throw InputFile.Error(path, "its numbers begin with the high byte; expected one that a machine with the low byte first wrote");
        }

        _tensors = PickleReader.ReadTensors(path, new ReadOnlySpan<byte>((void*)pickle, (int)length));
    }

    /// <inheritdoc/>
    public string Path { get; }

    /// <inheritdoc/>
    public MappedFile Mapping => _file;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <inheritdoc/>
    public IEnumerable<TensorHeader> Headers => _tensors.Values.Select(tensor =>
    {
        long elements = (long)Math.Min((double)Count(tensor, _file.Length), _file.Length); // no more than the file holds
        return new TensorHeader(TypeOf(tensor)?.Name() ?? tensor.Type, elements, elements * tensor.ElementBytes);
    });

    /// <summary>Maps a file and reads what tensors it has.</summary>
    /// <exception cref="InvalidInputException">It cannot be read, is damaged, or holds anything but tensors.</exception>
    public static PyTorchFile Open(string path)
    {
        MappedFile file = MappedFile.Open(path, ZipDirectory.LeastBytes, "a PyTorch checkpoint");
        try
        {
            return new PyTorchFile(path, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <inheritdoc/>
    public StoredTensor Find(string name)
    {
        if (!_tensors.TryGetValue(name, out TorchTensor? tensor))
            throw InputFile.Error(Path, $"has no tensor {name}");
        ElementType type = TypeOf(tensor) ?? throw InputFile.Error(Path, $"tensor {name} is {tensor.Type}; expected float32, float16 or bfloat16");
        byte* storage = Storage(name, tensor);
        byte* data = tensor.IsContiguous ? storage + tensor.Offset * tensor.ElementBytes : Copy(name, tensor, storage);
        return new StoredTensor(Path, type, tensor.Shape, (nint)data);
    }

    /// <inheritdoc/>
    public (long[] Shape, nint Data) FindBytes(string name) =>
        throw InputFile.Error(Path, $"tensor {name} holds bytes, which are read from safetensors only: save the model in that format");

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (NativeBuffer<byte> copy in _copies.Values)
            copy.Dispose();
        _file.Dispose();
    }

    private static ElementType? TypeOf(TorchTensor tensor) => tensor.Type switch
    {
        "float32" => ElementType.F32,
        "float16" => ElementType.F16,
        "bfloat16" => ElementType.BF16,
        _ => null,
    };

    // All entries stand in one folder, named after the file that was saved.
    private string FindPrefix()
    {
        string[] found = [.. _entries.Names.Where(name => name.IndexOf('/', StringComparison.Ordinal) is int slash and >= 0 &&
            name.AsSpan(slash + 1).SequenceEqual(PickleEntry))];
        return found is [string name]
            ? name[..^PickleEntry.Length]
            : throw InputFile.Error(Path, $"holds {found.Length} entries {PickleEntry}; expected one, as in a checkpoint of torch.save");
    }

    // The first byte of the storage, once every element of the tensor is known to lie in it.
    private byte* Storage(string name, TorchTensor tensor)
    {
        if (_entries.Find(_prefix + "data/" + tensor.Storage.Key) is not (nint data, long bytes))
            throw InputFile.Error(Path, $"tensor {name} lies in storage {InputFile.Cut(tensor.Storage.Key)}, which the file lacks");
        long there = bytes / tensor.ElementBytes;
        if (tensor.Storage.Type.Length > 0)
            there = Math.Min(there, tensor.Storage.Elements);
        if (!tensor.Shape.Contains(0) && Last(tensor, there) >= there)
        {
            throw InputFile.Error(Path, $"tensor {name} ends after the {there} elements of storage " +
                $"{InputFile.Cut(tensor.Storage.Key)}; copy or download the file again");
        }

        if (Count(tensor, there) > there)
            throw InputFile.Error(Path, $"tensor {name} has the same element in several places; save it again with .contiguous()");
        return (byte*)data;
    }

    /// <summary>Where the last element lies; some number from <paramref name="limit"/> on where it lies beyond that.</summary>
    private static Int128 Last(TorchTensor tensor, long limit)
    {
        Int128 last = tensor.Offset;
        for (int i = 0; i < tensor.Shape.Length && last < limit; i++)
            last += (Int128)(tensor.Shape[i] - 1) * tensor.Strides[i];
        return last;
    }

    /// <summary>Number of elements; some number above <paramref name="limit"/> where there are more.</summary>
    private static Int128 Count(TorchTensor tensor, long limit)
    {
        if (tensor.Shape.Contains(0))
            return 0;
        Int128 count = 1;
        for (int i = 0; i < tensor.Shape.Length && count <= limit; i++)
            count *= tensor.Shape[i];
        return count;
    }

    private byte* Copy(string name, TorchTensor tensor, byte* storage)
    {
        if (!_copies.TryGetValue(name, out NativeBuffer<byte>? copy))
        {
            long count = (long)Count(tensor, long.MaxValue);
            copy = new NativeBuffer<byte>(_allocator, Math.Max(count, 1) * tensor.ElementBytes);
            _copies.Add(name, copy);
            if (tensor.ElementBytes == 2)
                Gather((ushort*)storage + tensor.Offset, tensor, (ushort*)copy.Data, count);
            else
                Gather((uint*)storage + tensor.Offset, tensor, (uint*)copy.Data, count);
        }

        return copy.Data;
    }

    private static void Gather<T>(T* from, TorchTensor tensor, T* to, long count)
        where T : unmanaged
    {
        long[] index = new long[tensor.Shape.Length];
        long at = 0;
        for (long i = 0; i < count; i++)
        {
            to[i] = from[at];
            for (int axis = index.Length - 1; axis >= 0; axis--)
            {
                at += tensor.Strides[axis];
                if (++index[axis] < tensor.Shape[axis])
                    break;
                at -= tensor.Strides[axis] * index[axis];
                index[axis] = 0;
            }
        }
    }
}
