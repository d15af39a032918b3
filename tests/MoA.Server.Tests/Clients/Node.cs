using System.Diagnostics;
using System.Text;
using System.Text.Json;
using MoA.Tests;

namespace MoA.Server.Tests.Clients;

/// <summary>Runs this folder's scripts, each the user of one client, in the machine's Node.js, with the packages that package-lock.json names.</summary>
internal static class Node
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);
    private static readonly string Folder = Path.Combine(RepositoryFiles.Root, "tests", "MoA.Server.Tests", "Clients");
    private static readonly string? Program = Find("node", "node.exe"), Npm = Find("npm", "npm.cmd");
    private static readonly Lazy<string?> Missing = new(Install, LazyThreadSafetyMode.ExecutionAndPublication);

    /// <summary>Why tests of these clients are passed over, or null; in CI they never are.</summary>
    public static string? WhyNot => Environment.GetEnvironmentVariable("CI") == "true" ? null : Missing.Value;

    /// <summary>Runs a script.</summary>
    /// <returns>Its checks by name, and what went wrong with each, if something did.</returns>
    public static async Task<IReadOnlyDictionary<string, string?>> RunAsync(string script, string url, string key)
    {
        Assert.True(Missing.Value is null, Missing.Value);
        (int code, string output, string errors) = await RunAsync(Program!, [Path.Combine(Folder, script)], ("MOA_URL", url), ("MOA_KEY", key));
        Dictionary<string, string?> checks = [];
        foreach (string line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using JsonDocument outcome = JsonDocument.Parse(line);
            checks.Add(
                outcome.RootElement.GetProperty("name").GetString()!,
                outcome.RootElement.TryGetProperty("error", out JsonElement error) ? error.GetString() : null);
        }

        Assert.True(code == 0 && errors.Length == 0, $"{script} ended with {code}: {errors}");
        return checks;
    }

    private static string? Find(params string[] names) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);

    // npm writes its own list of what is installed last.
    private static string? Install()
    {
        if (Program is null || Npm is null)
            return "needs Node.js 18 or newer with npm; install Debian's nodejs and npm";
        FileInfo wanted = new(Path.Combine(Folder, "package-lock.json")), installed = new(Path.Combine(Folder, "node_modules", ".package-lock.json"));
        if (installed.Exists && installed.LastWriteTimeUtc >= wanted.LastWriteTimeUtc)
            return null;
        (int code, _, string errors) = RunAsync(Npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).GetAwaiter().GetResult();
        return code == 0 ? null : $"needs the packages of {wanted.FullName}, which npm could not install: {errors.ReplaceLineEndings(" ")}";
    }

    private static async Task<(int Code, string Output, string Errors)> RunAsync(string program, string[] arguments, params (string Name, string Value)[] variables)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        using CancellationTokenSource late = new(Longest);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(late.Token), errors = process.StandardError.ReadToEndAsync(late.Token);
            await process.WaitForExitAsync(late.Token);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
