using System.Diagnostics;

namespace MoA.Tests;

/// <summary><c>moa</c> at the repository's root, with a stand-in for the SDK: what it builds, when, and what it says.</summary>
public sealed class LauncherTests : IDisposable
{
    private const string Building = "moa: building the program, once; this can take some minutes\n";

    private const string Sdk =
        """
        #!/usr/bin/env bash
        if [ "$1" = publish ]; then
          echo "built" >>"$(dirname "$0")/builds"
          [ ! -f "$(dirname "$0")/broken" ] || { echo "error CS0000"; exit 1; }
          while [ "$1" != -o ]; do shift; done
          mkdir -p "$2" && touch "$2/moa.dll"
        else
          shift
          printf '%s|' "$@"
        fi
        """;

    private readonly TemporaryFolder _folder = new();

    public LauncherTests()
    {
        foreach (string name in new[] { "src", "models", "sdk" })
            _ = Directory.CreateDirectory(_folder[name]);
        File.Copy(Path.Combine(RepositoryFiles.Root, "moa"), _folder["moa"]);
        _ = _folder.Write("Directory.Build.props", "");
        _ = _folder.Write("Directory.Packages.props", "");
        _ = _folder.Write("global.json", "");
        File.WriteAllText(_folder["src", "Program.cs"], "");
        File.WriteAllText(_folder["sdk", "dotnet"], Sdk);
        if (!OperatingSystem.IsWindows())
        {
            foreach (string program in new[] { _folder["moa"], _folder["sdk", "dotnet"] })
                File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Only_a_run_that_builds_says_so_on_standard_error()
    {
        if (OperatingSystem.IsWindows())
            return;
        Assert.Equal(new Invocation(0, "a b|--json|", Building), Run("a b", "--json"));
        Assert.Equal(new Invocation(0, "a|", ""), Run("a"));
        File.SetLastWriteTimeUtc(_folder["src", "Program.cs"], DateTime.UtcNow.AddMinutes(1));
        Assert.Equal(new Invocation(0, "|", Building), Run());
        Assert.Equal(2, File.ReadAllLines(_folder["sdk", "builds"]).Length);
    }

    [Fact]
    public void A_build_that_fails_shows_why()
    {
        if (OperatingSystem.IsWindows())
            return;
        File.WriteAllText(_folder["sdk", "broken"], "");
        Assert.Equal(new Invocation(1, "", $"{Building}error CS0000\nmoa: the build failed, see above\n"), Run("a"));
    }

    private Invocation Run(params string[] args)
    {
        ProcessStartInfo start = new(_folder["moa"], args) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = $"{_folder["sdk"]}:{Environment.GetEnvironmentVariable("PATH")}";
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Invocation(process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
