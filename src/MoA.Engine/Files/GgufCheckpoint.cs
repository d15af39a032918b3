using MoA.Engine.Numerics;

namespace MoA.Engine.Files;

/// <summary>The tensors and metadata of a GGUF model, in one file or in numbered parts. Each file is mapped once.</summary>
internal sealed unsafe class GgufCheckpoint : ICheckpoint
{
    private const string SplitCountKey = "split.count";
    private const string SplitNumberKey = "split.no";
    private const int MostParts = 99_999;

    private readonly List<GgufFile> _files = [];
    private readonly Dictionary<string, (GgufFile File, GgufTensor Tensor)> _tensors = new(StringComparer.Ordinal);

    private GgufCheckpoint()
    {
    }

    /// <inheritdoc/>
    IReadOnlyList<MappedFile> ICheckpoint.Files => [.. _files.Select(file => file.Mapping)];

    /// <summary>The files in the order of their numbers.</summary>
    public IReadOnlyList<GgufFile> Files => _files;

    /// <inheritdoc/>
    public string ShapesFrom => "the file's metadata";

    /// <summary>The metadata, which the first part holds.</summary>
    public GgufMetadata Metadata => _files[0].Metadata;

    /// <summary>The first file.</summary>
    public string Path => _files[0].Path;

    /// <summary>Every tensor's name in the order of the files.</summary>
    public IEnumerable<string> Names => _files.SelectMany(file => file.Tensors).Select(tensor => tensor.Name);

    /// <inheritdoc/>
    public IEnumerable<TensorHeader> Headers => _files.SelectMany(HeadersOf);

    /// <summary>Maps a file, or all parts of a model of which it is one.</summary>
    /// <exception cref="InvalidInputException">A file is missing or malformed.</exception>
    public static GgufCheckpoint Open(string path)
    {
        GgufCheckpoint checkpoint = new();
        try
        {
            GgufFile file = checkpoint.Add(path);
            int parts = file.Metadata.OptionalInt(SplitCountKey, 0, MostParts) ?? 1;
            if (parts > 1)
                checkpoint.AddParts(path, parts);
            foreach (GgufFile part in checkpoint._files)
                checkpoint.Register(part);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <inheritdoc/>
    public StoredTensor Find(string name)
    {
        if (!_tensors.TryGetValue(name, out (GgufFile File, GgufTensor Tensor) found))
            throw InputFile.Error(Path, $"has no tensor {InputFile.Cut(name)}, which the model needs");
        (GgufFile file, GgufTensor tensor) = found;
        ElementType type = tensor.Type ?? throw InputFile.Error(
            file.Path, $"tensor {name} is {GgufTensorTypes.NameOf(tensor.TypeCode)}; expected one of {GgufTensorTypes.SupportedNames}: " +
            "convert the model to one of these");
        return new StoredTensor(file.Path, type, tensor.Shape, (nint)file.DataOf(tensor));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (GgufFile file in _files)
            file.Dispose();
    }

    private static IEnumerable<TensorHeader> HeadersOf(GgufFile file)
    {
        GgufTensor[] tensors = [.. file.Tensors.OrderBy(tensor => tensor.Offset)];
        for (int i = 0; i < tensors.Length; i++)
        {
            GgufTensor tensor = tensors[i];
            long end = i + 1 < tensors.Length ? tensors[i + 1].Offset : file.Mapping.Length - file.Header.Length;
            yield return new TensorHeader(
                tensor.Type?.Name() ?? GgufTensorTypes.NameOf(tensor.TypeCode).ToLowerInvariant(), SafetensorsHeader.ElementCount(tensor.Shape) ?? 0,
                tensor.Type is null ? end - tensor.Offset : tensor.Bytes);
        }
    }

    private GgufFile Add(string path)
    {
        GgufFile file = GgufFile.Open(path);
        _files.Add(file);
        return file;
    }

    // Parts are named NAME-00001-of-00003.gguf; any of them may have been given.
    private void AddParts(string path, int parts)
    {
        string ending = $"-of-{parts:D5}.gguf";
        int stem = path.Length - ending.Length - 5;
        if (stem < 1 || path[stem - 1] != '-' || !path.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
        {
            throw InputFile.Error(path, $"is one of {parts} parts of a model; expected a name that ends with " +
                $"-00001{ending}, so that the others can be found: name it so again");
        }

        Dispose();
        _files.Clear();
        for (int part = 0; part < parts; part++)
        {
            string name = $"{path[..stem]}{part + 1:D5}{ending}";
            if (!File.Exists(name))
                throw InputFile.Error(name, $"there is no such file, but the model has {parts} parts; download or copy it");
            GgufFile file = Add(name);
            int number = file.Metadata.Int(SplitNumberKey, 0, MostParts, missing: -1);
            int count = file.Metadata.Int(SplitCountKey, 0, MostParts, missing: 0);
            if (number != part || count != parts)
            {
                throw InputFile.Error(name, $"says that it is part {number + 1} of {count}; expected {part + 1} of {parts}: " +
                    "it belongs to another model");
            }
        }
    }

    private void Register(GgufFile file)
    {
        foreach (GgufTensor tensor in file.Tensors)
        {
            if (!_tensors.TryAdd(tensor.Name, (file, tensor)))
                throw InputFile.Error(file.Path, $"holds tensor {tensor.Name}, which another part holds too");
        }
    }
}
