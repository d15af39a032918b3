using MoA.Engine.Numerics;

namespace MoA.Engine.Models.Loading;

/// <summary>Models by path, whatever they are stored as: a Hugging Face folder, a GGUF file, or a folder with one.</summary>
public static class ModelFile
{
    /// <summary>Loads a model; its weights stay where they are mapped, unless another format is asked for.</summary>
    /// <param name="path">A folder with <c>config.json</c>, a <c>.gguf</c> file, or a folder that holds one of these and no
    /// <c>config.json</c>.</param>
    /// <param name="weights">Format to convert the matrices to, or null to use them as stored.</param>
    /// <param name="threads">Most threads for converting; 0 means one for each processor.</param>
    /// <exception cref="InvalidInputException">The path or a file, a value or a tensor in it is missing or
    /// unusable.</exception>
    public static LoadedModel Load(string path, ElementType? weights = null, int threads = 0)
    {
        ArgumentNullException.ThrowIfNull(path);
        LoadedModel model = FindGguf(path) is string file ? GgufModel.Load(file) : HuggingFaceFolder.Load(path);
        return weights is ElementType type
            ? WeightConversion.Convert(model, type, threads > 0 ? threads : Environment.ProcessorCount)
            : model;
    }

    /// <summary>The GGUF file that a path names, or null if it names none: the file itself, or the only one in a folder
    /// without a <c>config.json</c> (of numbered parts the first).</summary>
    /// <exception cref="InvalidInputException">The folder holds several.</exception>
    public static string? FindGguf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!Directory.Exists(path))
            return path.EndsWith(GgufModel.Extension, StringComparison.OrdinalIgnoreCase) ? path : null;
        if (File.Exists(Path.Combine(path, HuggingFaceFolder.ConfigFile)))
            return null;
        string[] files = [.. Directory.EnumerateFiles(path, "*" + GgufModel.Extension)
            .Where(file => !IsLaterPart(file)).Order(StringComparer.Ordinal)];
        return files.Length <= 1 ? files.FirstOrDefault() : throw InputFile.Error(path,
            $"holds {files.Length} GGUF files and no {HuggingFaceFolder.ConfigFile}; expected one model: name the file, " +
            $"such as {Path.GetFileName(files[0])}");
    }

    private static bool IsLaterPart(string file)
    {
        string name = Path.GetFileNameWithoutExtension(file);
        return name.Length > 15 && name[^15] == '-' && name.AsSpan(name.Length - 9).StartsWith("-of-", StringComparison.Ordinal) &&
            int.TryParse(name.AsSpan(name.Length - 14, 5), out int part) && part > 1;
    }
}
