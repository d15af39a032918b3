using System.Diagnostics;
using System.Runtime.InteropServices;

namespace MoA.Tests;

/// <summary>The command line as a process of its own, started from the built program.</summary>
internal sealed partial class ChildProcess : IDisposable
{
    public const int Interrupt = 2;
    public const int Kill = 9;
    public const int Terminate = 15;

    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "moa.dll");

    private readonly Process _process;

    private ChildProcess(Process process) => _process = process;

    public static ChildProcess Start(params string[] args) => Launch("dotnet", [Program, .. args]);

    /// <summary>The same in a network namespace of Linux.</summary>
    public static ChildProcess StartIn(string networkNamespace, params string[] args) =>
        Launch("ip", ["netns", "exec", networkNamespace, "dotnet", Program, .. args]);

    /// <summary>Starts a shell line in which <c>moa</c> stands for the program.</summary>
    public static ChildProcess Shell(string line) => Bash(line.Replace("moa ", $"dotnet '{Program}' ", StringComparison.Ordinal));

    /// <summary>Starts a script of bash.</summary>
    public static ChildProcess Bash(string script) => Launch("bash", ["-c", script]);

    /// <summary>Starts another program.</summary>
    public static ChildProcess Launch(string file, string[] args)
    {
        ProcessStartInfo start = new(file, args)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0"; // its code pages count as files under a size limit
        return new ChildProcess(Process.Start(start)!);
    }

    /// <summary>Waits for a line on standard error; null when it never came.</summary>
    public string? WaitForLine(string start)
    {
        string? line = _process.StandardError.ReadLine();
        while (line is not null && !line.StartsWith(start, StringComparison.Ordinal))
            line = _process.StandardError.ReadLine();
        return line;
    }

    /// <summary>Waits until the process has mapped a file into its memory; Linux only.</summary>
    public void WaitUntilMapped(string path)
    {
        while (!_process.HasExited && !Maps().Contains(path, StringComparison.Ordinal))
            Thread.Sleep(10);
    }

    /// <summary>The files that the process has mapped; Linux only.</summary>
    public string Maps() => File.ReadAllText($"/proc/{_process.Id}/maps");

    public void Signal(int signal) => _ = kill(_process.Id, signal);

    public Invocation WaitForEnd()
    {
        Task<string> error = _process.StandardError.ReadToEndAsync();
        string output = _process.StandardOutput.ReadToEnd();
        _process.WaitForExit();
        return new Invocation(_process.ExitCode, output, error.GetAwaiter().GetResult());
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);
}
