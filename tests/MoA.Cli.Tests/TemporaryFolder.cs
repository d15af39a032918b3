namespace MoA.Tests;

/// <summary>A folder of one test, removed with everything in it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("moa-cli-").FullName;

    public string this[params string[] parts] => System.IO.Path.Combine([Path, .. parts]);

    public string Write(string name, string text)
    {
        string path = this[name];
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>A copy of a fixture model, to be damaged.</summary>
    public string CopyModel(string fixture, string name = "model")
    {
        string target = this[name];
        _ = Directory.CreateDirectory(target);
        foreach (string file in Directory.EnumerateFiles(RepositoryFiles.Fixture("models", fixture)))
        {
            if (!file.EndsWith("expected.safetensors", StringComparison.Ordinal))
                File.Copy(file, System.IO.Path.Combine(target, System.IO.Path.GetFileName(file)));
        }

        return target;
    }

    /// <summary>Names of everything below the folder.</summary>
    public string[] Names() =>
        [.. Directory.EnumerateFileSystemEntries(Path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
