using System.Text.Json;
using MoA.Cli;

namespace MoA.Tests;

/// <summary>What a command line gave.</summary>
/// <param name="ExitCode">The exit code.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record Invocation(int ExitCode, string Output, string Error)
{
    /// <summary>Runs a command line in this process.</summary>
    public static Invocation Of(params string[] args) => WithInput("", args);

    /// <summary>Runs a command line in this process with text on standard input.</summary>
    public static Invocation WithInput(string input, params string[] args)
    {
        using StringReader reader = new(input);
        using StringWriter output = new(), error = new();
        int exitCode = CommandLine.Run(args, reader, output, error);
        return new Invocation(exitCode, output.ToString(), error.ToString());
    }

    /// <summary>Runs a command that must succeed, with <c>--json</c>, and gives the one document that it wrote.</summary>
    public static JsonElement Json(params string[] args)
    {
        Invocation run = Of([.. args, "--json", "--quiet"]);
        Assert.True(run.ExitCode == 0, run.Error);
        Assert.Equal("", run.Error);
        return run.Document();
    }

    /// <summary>Standard output as one JSON document.</summary>
    public JsonElement Document()
    {
        using JsonDocument document = JsonDocument.Parse(Output); // refuses anything before or after it
        return document.RootElement.Clone();
    }

    /// <summary>Checks that bad input was refused: exit code 2, no result, and one line with all of these words.</summary>
    public void AssertRefused(params string[] words)
    {
        Assert.True(ExitCode == CommandLine.BadInput, $"exit code {ExitCode}: {Error}");
        Assert.Equal("", Output);
        AssertOneLine(words);
    }

    /// <summary>Checks that standard error is one line with all of these words.</summary>
    public void AssertOneLine(params string[] words)
    {
        string line = Assert.Single(Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("moa: ", line, StringComparison.Ordinal);
        foreach (string word in words)
            Assert.Contains(word, line, StringComparison.Ordinal);
    }
}
