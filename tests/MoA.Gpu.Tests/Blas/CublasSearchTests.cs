using MoA.Engine;
using MoA.Gpu.Blas;

namespace MoA.Gpu.Tests.Blas;

/// <summary>On folders as toolkits, pip, conda and distributions lay them out. Windows has other names, which are not tested.</summary>
public sealed class CublasSearchTests : IDisposable
{
    private static readonly string[] LoaderNames = ["libcublas.so.12", "libcublas.so.13", "libcublas.so.11"];

    private readonly string _root = Directory.CreateTempSubdirectory("moa-gpu-").FullName;
    private readonly Dictionary<string, string> _environment = [];

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [InlineData("usr/local/cuda/lib64")]
    [InlineData("usr/local/cuda-12.8/lib64")]
    [InlineData("usr/local/lib/python3.12/dist-packages/nvidia/cublas/lib")]
    [InlineData("usr/local/lib/python3.11/site-packages/nvidia/cublas/lib")]
    [InlineData("usr/lib/python3/dist-packages/nvidia/cublas/lib")]
    [InlineData("usr/local/lib64/python3.12/site-packages/nvidia/cublas/lib")]
    [InlineData("opt/conda/lib/python3.12/site-packages/nvidia/cublas/lib")]
    [InlineData("opt/conda/lib")]
    public void Usual_places_are_found_without_being_named(string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        Assert.Equal(LoaderNames, Candidates());
        string library = Put(folder, "libcublas.so.12");
        Assert.Equal([.. LoaderNames, library], Candidates());
    }

    [Theory]
    [InlineData("CUDA_PATH", "lib64")]
    [InlineData("CUDA_HOME", "lib")]
    public void Toolkits_that_are_named_come_first(string variable, string folder)
    {
        if (OperatingSystem.IsWindows())
            return;
        _environment[variable] = In("toolkit");
        string library = Put($"toolkit/{folder}", "libcublas.so.13");
        Assert.Equal([library, .. LoaderNames], Candidates());
    }

    [Theory]
    [InlineData("VIRTUAL_ENV", "lib/python3.12/site-packages/nvidia/cublas/lib", "libcublas.so.12")]
    [InlineData("VIRTUAL_ENV", "lib/python3.13/site-packages/nvidia/cu13/lib", "libcublas.so.13")]
    [InlineData("CONDA_PREFIX", "lib", "libcublas.so.11")]
    [InlineData("HOME", ".local/lib/python3.10/site-packages/nvidia/cublas/lib", "libcublas.so.12")]
    [InlineData("HOME", ".pyenv/versions/3.11.7/lib/python3.11/site-packages/nvidia/cublas/lib", "libcublas.so.12")]
    public void Environments_of_Python_are_searched(string variable, string folder, string name)
    {
        if (OperatingSystem.IsWindows())
            return;
        _environment[variable] = In("prefix");
        Assert.Equal([.. LoaderNames, Put($"prefix/{folder}", name)], Candidates());
    }

    [Fact]
    public void The_Python_that_runs_is_followed_through_links()
    {
        if (OperatingSystem.IsWindows())
            return;
        string real = Put("opt/python/bin", "python3.12");
        _ = Directory.CreateDirectory(In("venv/bin"));
        _ = File.CreateSymbolicLink(In("venv/bin/python3"), real);
        _environment["PATH"] = $"{In("nothing")}:{In("venv/bin")}";
        string ofLink = Put("venv/lib/python3.12/site-packages/nvidia/cublas/lib", "libcublas.so.12");
        string ofTarget = Put("opt/python/lib/python3.12/site-packages/nvidia/cublas/lib", "libcublas.so.12");
        Assert.Equal([.. LoaderNames, ofLink, ofTarget], Candidates());
    }

    [Fact]
    public void Newer_Pythons_and_known_versions_come_first()
    {
        if (OperatingSystem.IsWindows())
            return;
        string older = Put("usr/local/lib/python3.9/dist-packages/nvidia/cublas/lib", "libcublas.so.12");
        string thirteen = Put("usr/local/lib/python3.12/dist-packages/nvidia/cublas/lib", "libcublas.so.13");
        string twelve = Put("usr/local/lib/python3.12/dist-packages/nvidia/cublas/lib", "libcublas.so.12");
        _ = Put("usr/local/lib/python3.12/dist-packages/nvidia/cublas/lib", "libcublas.so.9");
        Assert.Equal([.. LoaderNames, twelve, thirteen, older], Candidates());
    }

    [Fact]
    public void What_is_named_is_taken_alone()
    {
        if (OperatingSystem.IsWindows())
            return;
        _ = Put("usr/local/cuda/lib64", "libcublas.so.12");
        string library = Put("mine", "libcublas.so.12.8.4");
        _environment[CublasSearch.Variable] = library;
        Assert.Equal([library], Candidates());
        string inFolder = Put("other", "libcublas.so.11");
        _environment[CublasSearch.Variable] = In("other");
        Assert.Equal([inFolder], Candidates());
        _environment[CublasSearch.Variable] = "off";
        Assert.Empty(Candidates());
        _environment[CublasSearch.Variable] = "";
        Assert.Equal(4, Candidates().Count);
        _environment[CublasSearch.Variable] = In("none");
        InvalidInputException refusal = Assert.Throws<InvalidInputException>(Candidates);
        Assert.Contains($"MOA_CUBLAS={In("none")}", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("off", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cuBLAS_needs_is_taken_from_its_own_folder()
    {
        if (OperatingSystem.IsWindows())
            return;
        string library = Put("a", "libcublas.so.12"), needed = Put("a", "libcublasLt.so.12");
        Assert.Equal(needed, CublasSearch.Dependency(library));
        Assert.Null(CublasSearch.Dependency(Put("b", "libcublas.so.12")));
        Assert.Null(CublasSearch.Dependency("libcublas.so.12"));
    }

    [Fact]
    public void A_file_that_is_no_library_is_refused_in_one_line()
    {
        string file = Put("a", "libcublas.so.12");
        Assert.False(CublasFunctions.TryLoad(file, out _, out string? whyNot));
        Assert.StartsWith($"{file} cannot be loaded: ", whyNot, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', whyNot);
    }

    private IReadOnlyList<string> Candidates() => new CublasSearch(_environment.GetValueOrDefault, _root).Candidates();

    private string In(string path) => Path.Combine(_root, path);

    private string Put(string folder, string name)
    {
        _ = Directory.CreateDirectory(In(folder));
        string path = Path.Combine(In(folder), name);
        File.WriteAllText(path, "no library");
        return path;
    }
}
