using MoA.Engine;

namespace MoA.Gpu.Blas;

/// <summary>Where cuBLAS may be: named by the user, in a CUDA toolkit, on the loader's path, or among Python's packages.</summary>
internal sealed class CublasSearch
{
    /// <summary>Names the library, its folder, or <see cref="Off"/>.</summary>
    public const string Variable = "MOA_CUBLAS";

    /// <summary>The value of <see cref="Variable"/> that does without the library.</summary>
    public const string Off = "off";

    // The oldest drivers that run these kernels take 12; 13 needs newer ones, and says so when it is opened.
    private static readonly int[] Versions = [12, 13, 11];

    // Below the packages of a Python, as pip's nvidia-cublas-cuXX and, since 13, nvidia-cublas lay them out.
    private static readonly string[] PackageFolders = OperatingSystem.IsWindows()
        ? ["nvidia/cublas/bin", "nvidia/cu13/bin/x86_64", "nvidia/cu13/bin"]
        : ["nvidia/cublas/lib", "nvidia/cu13/lib"];

    private static readonly string[] ToolkitVariables = ["CUDA_PATH", "CUDA_HOME"], PythonVariables = ["VIRTUAL_ENV", "CONDA_PREFIX"];

    private static readonly string[] LibraryFolders = ["lib", "lib64"], PackageNames = ["site-packages", "dist-packages"];

    private readonly Func<string, string?> _environment;
    private readonly string _root;

    /// <summary>A search of this machine.</summary>
    public CublasSearch() : this(Environment.GetEnvironmentVariable, "")
    {
    }

    /// <summary>A search; tests have an environment and a root folder of their own.</summary>
    internal CublasSearch(Func<string, string?> environment, string root)
    {
        _environment = environment;
        _root = root;
    }

    /// <summary>What the user named, or null.</summary>
    public string? Named => _environment(Variable) is { Length: > 0 } named ? named : null;

    /// <summary>Files that exist, and names for the loader to find; the likeliest first.</summary>
    /// <exception cref="InvalidInputException">The user named what is not there.</exception>
    public IReadOnlyList<string> Candidates()
    {
        if (Named is not string named)
            return [.. Toolkits().SelectMany(Libraries), .. Versions.Select(FileName), .. System().Concat(Packages()).SelectMany(Libraries).Distinct()];
        if (named == Off)
            return [];
        string[] chosen = File.Exists(named) ? [Path.GetFullPath(named)] : [.. Libraries(Path.GetFullPath(named))];
        return chosen.Length > 0
            ? chosen
            : throw new InvalidInputException($"{Variable}={named}: expected the cuBLAS library, a folder with {FileName(Versions[0])}, or {Off}");
    }

    /// <summary>The library that cuBLAS loads itself, beside it; null where the loader must find it.</summary>
    public static string? Dependency(string library)
    {
        string? folder = Path.GetDirectoryName(library);
        string name = Path.GetFileName(library).Replace("cublas", "cublasLt", StringComparison.Ordinal);
        return folder is { Length: > 0 } && File.Exists(Path.Combine(folder, name)) ? Path.Combine(folder, name) : null;
    }

    private static string FileName(int version) => OperatingSystem.IsWindows() ? $"cublas64_{version}.dll" : $"libcublas.so.{version}";

    private static IEnumerable<string> Libraries(string folder) =>
        Versions.Select(version => Path.Combine(folder, FileName(version))).Where(File.Exists);

    private IEnumerable<string> Toolkits() =>
        from variable in ToolkitVariables
        let toolkit = _environment(variable)
        where toolkit is { Length: > 0 }
        from folder in ToolkitFolders(toolkit)
        select folder;

    private IEnumerable<string> System() =>
        Folders($"{_root}/usr/local", "cuda-*").Prepend($"{_root}/usr/local/cuda").SelectMany(ToolkitFolders);

    private static string[] ToolkitFolders(string toolkit) => OperatingSystem.IsWindows()
        ? [Path.Combine(toolkit, "bin"), Path.Combine(toolkit, "bin", "x64")]
        : [Path.Combine(toolkit, "lib64"), Path.Combine(toolkit, "lib")];

    private IEnumerable<string> Packages() =>
        from prefix in Prefixes()
        from packages in PackagesOf(prefix).Append(Path.Combine(prefix, "lib")) // conda's own packages stand in lib itself
        from folder in PackageFolders.Select(folder => Path.Combine(packages, folder)).Append(packages)
        select folder;

    // The folders that Pythons are installed in: those in use first.
    private IEnumerable<string> Prefixes()
    {
        foreach (string variable in PythonVariables)
        {
            if (_environment(variable) is { Length: > 0 } prefix)
                yield return prefix;
        }

        foreach (string python in PythonsOnPath())
        {
            if (Prefix(python) is string prefix)
                yield return prefix;
            if (Target(python) is string real && Prefix(real) is string realPrefix)
                yield return realPrefix;
        }

        if (_environment(OperatingSystem.IsWindows() ? "USERPROFILE" : "HOME") is { Length: > 0 } home)
        {
            yield return Path.Combine(home, ".local");
            foreach (string version in Folders(Path.Combine(home, ".pyenv", "versions"), "*"))
                yield return version;
        }

        if (OperatingSystem.IsWindows())
            yield break;
        yield return $"{_root}/usr/local";
        yield return $"{_root}/usr";
        yield return $"{_root}/opt/conda";
    }

    private IEnumerable<string> PythonsOnPath() =>
        from folder in (_environment("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        let python = Path.Combine(folder, OperatingSystem.IsWindows() ? "python.exe" : "python3")
        where File.Exists(python)
        select python;

    // On Windows python.exe stands in the prefix, or in a virtual environment's Scripts.
    private static string? Prefix(string python)
    {
        string? folder = Path.GetDirectoryName(Path.GetFullPath(python));
        return OperatingSystem.IsWindows() && !string.Equals(Path.GetFileName(folder), "Scripts", StringComparison.OrdinalIgnoreCase)
            ? folder
            : Path.GetDirectoryName(folder);
    }

    private static string? Target(string file)
    {
        try
        {
            return File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static IEnumerable<string> PackagesOf(string prefix)
    {
        if (OperatingSystem.IsWindows())
            return [Path.Combine(prefix, "Lib", "site-packages")];
        return from library in LibraryFolders
               from python in Folders(Path.Combine(prefix, library), "python3*")
               from packages in PackageNames
               select Path.Combine(python, packages);
    }

    // Newer versions first: python3.12 before python3.9.
    private static string[] Folders(string folder, string pattern)
    {
        try
        {
            return Directory.Exists(folder)
                ? [.. Directory.EnumerateDirectories(folder, pattern).OrderByDescending(path => path.Length).ThenByDescending(path => path, StringComparer.Ordinal)]
                : [];
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
