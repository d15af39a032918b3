using MoA.Engine.Configuration;
using MoA.Engine.Files;
using MoA.Engine.Files.PyTorch;

namespace MoA.Engine.Models.Loading;

/// <summary>
/// The tensors of a Hugging Face folder, in one file or in shards, by name. Each file is mapped once.
/// </summary>
internal sealed class HuggingFaceCheckpoint : ICheckpoint
{
    // The first that a folder has counts: many have both.
    private static readonly Layout[] Layouts =
    [
        new(ModelPath.Safetensors.Single, ModelPath.Safetensors.Index, ".safetensors", SafetensorsFile.Open),
        new(ModelPath.PyTorch.Single, ModelPath.PyTorch.Index, ".bin", PyTorchFile.Open),
    ];

    private const string TextModel = "language_model.";
    private static readonly string[] Prefixes = ["model.", "", TextModel + "model.", "model." + TextModel];

    private readonly List<ITensorFile> _files = [];
    private readonly Dictionary<string, ITensorFile> _fileOfTensor = new(StringComparer.Ordinal);
    private readonly Layout _layout;
    private readonly string _path;

    private HuggingFaceCheckpoint(string path, Layout layout) => (_path, _layout) = (path, layout);

    /// <inheritdoc/>
    public IReadOnlyList<MappedFile> Files => [.. _files.Select(file => file.Mapping)];

    /// <inheritdoc/>
    public string ShapesFrom => "config.json";

    /// <inheritdoc/>
    public IEnumerable<TensorHeader> Headers => _files.SelectMany(file => file.Headers);

    /// <summary>
    /// A family's names where they stand: below <c>model.</c>, bare in a file that was saved from a model without its head, or below one of
    /// the prefixes by which a model of several kinds of input calls its text model.
    /// </summary>
    public WeightNames Placed(WeightNames names)
    {
        string prefix = Prefixes.FirstOrDefault(prefix => Contains(prefix + names.Embedding + ".weight")) ?? Prefixes[0];
        return names.Below(prefix, prefix.StartsWith(TextModel, StringComparison.Ordinal) ? TextModel : "");
    }

    /// <summary>Maps the files of a folder.</summary>
    /// <exception cref="InvalidInputException">There are none, or one is missing or malformed.</exception>
    public static HuggingFaceCheckpoint Open(string folder)
    {
        foreach (Layout layout in Layouts)
        {
            string single = Path.Combine(folder, layout.Single), index = Path.Combine(folder, layout.Index);
            if (File.Exists(single))
                return Open(new(single, layout), checkpoint => checkpoint.AddFile(single));
            if (File.Exists(index))
                return Open(new(index, layout), checkpoint => checkpoint.AddShards(folder, index));
        }

        throw InputFile.Error(folder, $"has no weights; expected {string.Join(" or ", Layouts.Select(layout => $"{layout.Single} or {layout.Index}"))}");
    }

    /// <inheritdoc/>
    public bool Contains(string name) => _fileOfTensor.ContainsKey(name) || _fileOfTensor.ContainsKey(name + Mxfp4Pair.Blocks);

    /// <inheritdoc/>
    public StoredTensor Find(string name) => _fileOfTensor.ContainsKey(name) || !Contains(name)
        ? FileOf(name).Find(name)
        : Mxfp4Pair.Join(name, FileOf(name + Mxfp4Pair.Blocks), FileOf(name + Mxfp4Pair.Exponents));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ITensorFile file in _files)
            file.Dispose();
    }

    private static HuggingFaceCheckpoint Open(HuggingFaceCheckpoint checkpoint, Action<HuggingFaceCheckpoint> add)
    {
        try
        {
            add(checkpoint);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    private ITensorFile FileOf(string name)
    {
        if (!_fileOfTensor.TryGetValue(name, out ITensorFile? file))
            throw InputFile.Error(_path, $"has no tensor {name}, which the model's config.json calls for");
        if (!file.Contains(name))
            throw InputFile.Error(file.Path, $"has no tensor {name}, which {_layout.Index} says is here");
        return file;
    }

    private void AddFile(string path)
    {
        ITensorFile file = _layout.Open(path);
        _files.Add(file);
        foreach (string name in file.Names)
            _fileOfTensor.Add(name, file);
    }

    private void AddShards(string folder, string index)
    {
        Dictionary<string, string> shardOfTensor = JsonField.ReadFile(index, ReadWeightMap);
        Dictionary<string, ITensorFile> shards = new(StringComparer.Ordinal);
        foreach (string shard in shardOfTensor.Values.Distinct().Order(StringComparer.Ordinal))
        {
            string path = Path.Combine(folder, shard);
            if (!File.Exists(path))
                throw InputFile.Error(path, $"there is no such file, but {_layout.Index} names it; download or copy it");
            ITensorFile file = _layout.Open(path);
            _files.Add(file);
            shards.Add(shard, file);
        }

        foreach ((string name, string shard) in shardOfTensor)
            _fileOfTensor.Add(name, shards[shard]);
    }

    private Dictionary<string, string> ReadWeightMap(JsonField index)
    {
        Dictionary<string, string> shardOfTensor = new(StringComparer.Ordinal);
        foreach ((string name, JsonField shard) in index["weight_map"].Fields())
        {
            if (!shard.IsString || !IsPlainName(shard.AsString()))
                throw shard.Expected($"the name of a {_layout.Extension} file in the same folder");
            shardOfTensor.Add(name, shard.AsString());
        }

        return shardOfTensor;
    }

    // Separators of every platform: an index must not reach out of its folder wherever it is read.
    private bool IsPlainName(string shard) =>
        shard.EndsWith(_layout.Extension, StringComparison.Ordinal) &&
        shard.AsSpan().IndexOfAny("/\\:") < 0 && !shard.Any(char.IsControl);

    /// <summary>How a kind of checkpoint names and opens its files.</summary>
    private sealed record Layout(string Single, string Index, string Extension, Func<string, ITensorFile> Open);
}
