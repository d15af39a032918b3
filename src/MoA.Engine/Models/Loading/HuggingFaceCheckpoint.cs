using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>
/// The tensors of a Hugging Face folder, in one file or in shards, by name. Each file is mapped once.
/// </summary>
internal sealed class HuggingFaceCheckpoint : ICheckpoint
{
    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, SafetensorsFile> _fileOfTensor = new(StringComparer.Ordinal);
    private readonly string _path;

    private HuggingFaceCheckpoint(string path) => _path = path;

    /// <inheritdoc/>
    public IReadOnlyList<IDisposable> Files => _files;

    /// <inheritdoc/>
    public string ShapesFrom => "config.json";

    /// <summary>How its tensors are named: by whether the embedding stands there with or without <c>model.</c>.</summary>
    public WeightNames TensorNames =>
        new[] { WeightNames.HuggingFace, WeightNames.HuggingFaceBase }.FirstOrDefault(names => Contains(names.Embedding + ".weight")) ??
        WeightNames.HuggingFace;

    /// <summary>Maps the files of a folder.</summary>
    /// <exception cref="InvalidInputException">There are none, or one is missing or malformed.</exception>
    public static HuggingFaceCheckpoint Open(string folder)
    {
        string single = Path.Combine(folder, SingleFile);
        string index = Path.Combine(folder, IndexFile);
        bool isSingle = File.Exists(single);
        if (!isSingle && !File.Exists(index))
            throw NoWeights(folder);
        HuggingFaceCheckpoint checkpoint = new(isSingle ? single : index);
        try
        {
            if (isSingle)
                checkpoint.AddFile(single);
            else
                checkpoint.AddShards(folder, index);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public bool Contains(string name) => _fileOfTensor.ContainsKey(name);

    /// <inheritdoc/>
    public unsafe StoredTensor Find(string name)
    {
        SafetensorsFile file = FileOf(name);
        SafetensorsEntry entry = file[name];
        ElementType type = entry.DType switch
        {
            "F32" => ElementType.F32,
            "F16" => ElementType.F16,
            "BF16" => ElementType.BF16,
            _ => throw InputFile.Error(file.Path, $"tensor {name} is {InputFile.Cut(entry.DType)}; expected F32, F16 or BF16"),
        };
        return new StoredTensor(file.Path, type, entry.Shape, (nint)entry.Data);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafetensorsFile file in _files)
            file.Dispose();
    }

    private SafetensorsFile FileOf(string name)
    {
        if (!_fileOfTensor.TryGetValue(name, out SafetensorsFile? file))
            throw InputFile.Error(_path, $"has no tensor {name}, which the model's config.json calls for");
        if (!file.Contains(name))
            throw InputFile.Error(file.Path, $"has no tensor {name}, which {IndexFile} says is here");
        return file;
    }

    private void AddFile(string path)
    {
        SafetensorsFile file = SafetensorsFile.Open(path);
        _files.Add(file);
        foreach (string name in file.Names)
            _fileOfTensor.Add(name, file);
    }

    private void AddShards(string folder, string index)
    {
        Dictionary<string, string> shardOfTensor = JsonField.ReadFile(index, ReadWeightMap);
        Dictionary<string, SafetensorsFile> shards = new(StringComparer.Ordinal);
        foreach (string shard in shardOfTensor.Values.Distinct().Order(StringComparer.Ordinal))
        {
            string path = Path.Combine(folder, shard);
            if (!File.Exists(path))
                throw InputFile.Error(path, $"there is no such file, but {IndexFile} names it; download or copy it");
            SafetensorsFile file = SafetensorsFile.Open(path);
            _files.Add(file);
            shards.Add(shard, file);
        }

        foreach ((string name, string shard) in shardOfTensor)
            _fileOfTensor.Add(name, shards[shard]);
    }

    private static Dictionary<string, string> ReadWeightMap(JsonField index)
    {
        Dictionary<string, string> shardOfTensor = new(StringComparer.Ordinal);
        foreach ((string name, JsonField shard) in index["weight_map"].Fields())
        {
            if (!shard.IsString || !IsPlainName(shard.AsString()))
                throw shard.Expected("the name of a .safetensors file in the same folder");
            shardOfTensor.Add(name, shard.AsString());
        }

        return shardOfTensor;
    }

    // Separators of every platform: an index must not reach out of its folder wherever it is read.
    private static bool IsPlainName(string shard) =>
        shard.EndsWith(".safetensors", StringComparison.Ordinal) &&
        shard.AsSpan().IndexOfAny("/\\:") < 0 && !shard.Any(char.IsControl);

    private static InvalidInputException NoWeights(string folder)
    {
        bool hasPickled = File.Exists(Path.Combine(folder, "pytorch_model.bin")) ||
            File.Exists(Path.Combine(folder, "pytorch_model.bin.index.json"));
        string expected = $"expected {SingleFile} or {IndexFile}";
        return InputFile.Error(folder, hasPickled
            ? $"has pytorch_model files only; {expected}: convert it to safetensors"
            : $"has no weights; {expected}");
    }
}
