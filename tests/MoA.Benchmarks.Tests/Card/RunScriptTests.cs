using System.Diagnostics;
using MoA.Tests;

namespace MoA.Benchmarks.Tests.Card;

/// <summary>The script that runs on a card, with a program in the place of ours that writes down what it is asked for.</summary>
public sealed class RunScriptTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("moa-run-script").FullName;

    [LinuxFact]
    public void Every_part_runs_once_equality_first_and_then_all_are_joined()
    {
        Install("exit 0");
        (int exitCode, string error) = Run("out", "--no-peers", "--budget-seconds", "300");
        Assert.Equal(0, exitCode);
        string[] calls = File.ReadAllLines(Path.Combine(_folder, "calls"));
        Assert.Equal(["equality", "limits", "protocol", "long", "profile", "formats", "prompts"], calls[..^1].Select(call => call.Split(' ')[1]));
        Assert.All(calls[..^1], call => Assert.Contains("--device cuda --out out", call, StringComparison.Ordinal));
        Assert.Equal("--join --out out", calls[^1]);
        // Shares of what is left: nothing was used up.
        int[] seconds = [.. calls[..^1].Select(call => int.Parse(call.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture))];
        Assert.InRange(seconds[0], 70, 81);
        Assert.InRange(seconds[^1], 280, 300);
        Assert.Contains("run.sh: protocol", error, StringComparison.Ordinal);
    }

    [LinuxTheory]
    [InlineData("[ \"$2\" != equality ]", 1, 8)]
    [InlineData("[ \"$2\" != limits ]", 0, 8)]
    [InlineData("kill -9 $$", 1, 8)]
    [InlineData("echo 'moa-card: device cuda: this machine has no NVIDIA driver' >&2; exit 2", 2, 2)]
    public void Equality_alone_decides_and_a_missing_device_ends_it(string program, int expected, int calls)
    {
        Install(program);
        (int exitCode, string error) = Run("out", "--no-peers", "--budget-seconds", "300");
        Assert.Equal(expected, exitCode);
        Assert.Equal(calls, File.ReadAllLines(Path.Combine(_folder, "calls")).Length);
        Assert.Equal(expected == 2, error.Contains("no NVIDIA driver", StringComparison.Ordinal));
    }

    [LinuxTheory]
    [InlineData("--budget-seconds 0", "--budget-seconds")]
    [InlineData("--budget-seconds", "--budget-seconds")]
    [InlineData("--fast", "--fast")]
    [InlineData("a b", "b: expected one folder")]
    [InlineData("pack", "pack: expected one folder")]
    public void Arguments_that_cannot_be_used_are_refused(string arguments, string words)
    {
        Install("exit 0");
        (int exitCode, string error) = Run(arguments.Split(' '));
        Assert.Equal(2, exitCode);
        Assert.StartsWith("run.sh: ", error, StringComparison.Ordinal);
        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "calls")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Install(string program)
    {
        File.Copy(Path.Combine(RepositoryFiles.Root, "benchmarks", "gpu", "run.sh"), Path.Combine(_folder, "run.sh"));
        string file = Path.Combine(_folder, "moa-card");
        File.WriteAllText(file, $"#!/bin/bash\necho \"$*\" >>\"$(dirname \"$0\")/calls\"\n[ \"$1\" = --join ] && exit 1\n{program}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private (int ExitCode, string Error) Run(params string[] arguments)
    {
        ProcessStartInfo start = new("bash", ["run.sh", .. arguments]) { WorkingDirectory = _folder, RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        _ = output.Result;
        return (process.ExitCode, error);
    }
}
