namespace MoA.Engine.Files;

/// <summary>What a model's path names: a Hugging Face folder, a GGUF file, or a folder with one.</summary>
public static class ModelPath
{
    /// <summary>How GGUF files are named.</summary>
    public const string GgufExtension = ".gguf";

    /// <summary>The file that makes a folder a Hugging Face model.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>The GGUF file that a path names, or null if it names none: the file itself, or the only one in a folder
    /// without a <c>config.json</c> (of numbered parts the first).</summary>
    /// <exception cref="InvalidInputException">The folder holds several.</exception>
    public static string? FindGguf(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!Directory.Exists(path))
            return path.EndsWith(GgufExtension, StringComparison.OrdinalIgnoreCase) ? path : null;
        if (File.Exists(Path.Combine(path, ConfigFile)))
            return null;
        string[] files = [.. Directory.EnumerateFiles(path, "*" + GgufExtension)
            .Where(file => !IsLaterPart(file)).Order(StringComparer.Ordinal)];
        return files.Length <= 1 ? files.FirstOrDefault() : throw InputFile.Error(path,
            $"holds {files.Length} GGUF files and no {ConfigFile}; expected one model: name the file, " +
            $"such as {Path.GetFileName(files[0])}");
    }

    private static bool IsLaterPart(string file)
    {
        string name = Path.GetFileNameWithoutExtension(file);
        return name.Length > 15 && name[^15] == '-' && name.AsSpan(name.Length - 9).StartsWith("-of-", StringComparison.Ordinal) &&
            !name.AsSpan(name.Length - 14, 5).ContainsAnyExceptInRange('0', '9') &&
            string.CompareOrdinal(name, name.Length - 14, "00001", 0, 5) > 0;
    }
}
