namespace MoA.Engine.Files;

/// <summary>What a model's path names: a Hugging Face folder, a GGUF file, or a folder with one.</summary>
internal static class ModelPath
{
    /// <summary>How GGUF files are named.</summary>
    public const string GgufExtension = ".gguf";

    /// <summary>The file that makes a folder a Hugging Face model.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>The weights of a Hugging Face folder, one file or the index of several; the first that is there counts.</summary>
    internal static (string Single, string Index) Safetensors => ("model.safetensors", "model.safetensors.index.json");

    /// <summary>As <see cref="Safetensors"/>, in PyTorch's format.</summary>
    internal static (string Single, string Index) PyTorch => ("pytorch_model.bin", "pytorch_model.bin.index.json");

    /// <summary>Every kind of weights that a Hugging Face folder may have, the first that is there counts.</summary>
    internal static IReadOnlyList<(string Single, string Index)> WeightFiles { get; } = [Safetensors, PyTorch];

    /// <summary>The GGUF file that a path names, or null if it names none: the file itself, or the only one in a folder
    /// without a <c>config.json</c> and weights beside it (of numbered parts the first).</summary>
    /// <exception cref="InvalidInputException">The folder holds several.</exception>
    public static string? FindGguf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!Directory.Exists(path))
            return path.EndsWith(GgufExtension, StringComparison.OrdinalIgnoreCase) ? path : null;
        bool isConfigured = File.Exists(Path.Combine(path, ConfigFile));
        if (isConfigured && WeightFiles.Any(layout => File.Exists(Path.Combine(path, layout.Single)) || File.Exists(Path.Combine(path, layout.Index))))
            return null;
        string[] files = [.. Directory.EnumerateFiles(path, "*" + GgufExtension)
            .Where(file => GgufPart.Of(file) is not { Number: > 1 }).Order(StringComparer.Ordinal)];
        return files.Length <= 1 ? files.FirstOrDefault() : throw InputFile.Error(path,
            $"holds {files.Length} GGUF files and no {(isConfigured ? "other weights" : ConfigFile)}; expected one model: name the file, " +
            $"such as {Path.GetFileName(files[0])}");
    }
}
