using System.CommandLine.Completions;
using System.Globalization;
using MoA.Cli.Options;
using MoA.Engine.Attention.Policies;

namespace MoA.Tests;

public sealed class CommandLineTests
{
    private static readonly string[] Commands =
    [
        "compress", "calibrate", "profile", "optimize", "validate", "heads", "generate", "chat", "score", "bench", "eval retrieval",
        "eval needle", "eval ruler", "eval longbench", "eval lveval", "eval longbench2", "eval infinitebench", "eval perplexity", "eval recital", "eval alpaca", "eval compare", "plan show",
        "plan convert", "model info", "model tokenize",
    ];

    public static TheoryData<string> AllCommands => [.. Commands];

    [Theory]
    [InlineData]
    [InlineData("--help")]
    [InlineData("-h")]
    public void Help_names_every_command(params string[] args)
    {
        Invocation run = Invocation.Of(args);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        foreach (string command in Commands)
            Assert.Contains($"\n  {command.Split(' ')[0]} ", run.Output, StringComparison.Ordinal);
        Assert.Contains("moa [command] [options]", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(AllCommands))]
    public void Every_command_explains_itself_with_an_example(string command)
    {
        Invocation run = Invocation.Of([.. command.Split(' '), "--help"]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains($"\nExamples:{Environment.NewLine}  ", run.Output, StringComparison.Ordinal);
        Assert.Contains($"moa {command} ", run.Output, StringComparison.Ordinal);
        Assert.Contains("--json", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(AllCommands))]
    public void Every_command_refuses_an_option_that_is_not_there(string command) =>
        Invocation.Of([.. command.Split(' '), "--bogus"]).AssertRefused("there is no option --bogus", $"moa {command} --help");

    [Theory]
    [InlineData("plan")]
    [InlineData("model")]
    [InlineData("eval")]
    public void A_group_alone_shows_its_commands(string group)
    {
        Invocation run = Invocation.Of(group);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains($"moa {group} [command]", run.Output, StringComparison.Ordinal);
        Invocation.Of(group, "--json").AssertRefused("a command is missing");
    }

    [Theory]
    [InlineData("generate")]
    [InlineData("bench")]
    [InlineData("eval retrieval")]
    public void Help_names_every_policy(string command)
    {
        string help = System.Text.RegularExpressions.Regex.Replace(Invocation.Of([.. command.Split(' '), "--help"]).Output, @"\s+", " ");
        Assert.All(PolicyTable.All, policy => Assert.Contains(policy.Name, help, StringComparison.Ordinal));
    }

    [Fact]
    public void Shells_are_offered_every_policy()
    {
        string[] names = [.. PolicyTable.All.Select(policy => policy.Name), .. PrefillReader.All.Select(policy => policy.Name)];
        Assert.Equal(names.Order(), ModelOptions.Policy.GetCompletions(CompletionContext.Empty).Select(item => item.Label).Order());
        Assert.Equal(names.Append("all").Order(), EvalOptions.Policies.GetCompletions(CompletionContext.Empty).Select(item => item.Label).Order());
    }

    [Fact]
    public void Version_is_one_line_that_starts_with_a_number()
    {
        Invocation run = Invocation.Of("--version");
        Assert.Equal(0, run.ExitCode);
        string line = Assert.Single(run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.True(Version.TryParse(line.Trim().Split('+', '-')[0], out _), line);
    }

    [Theory]
    [InlineData("bogus", "'bogus'", "compress")]
    [InlineData("plan bogus", "'bogus'", "show, convert")]
    [InlineData("compress extra", "'extra' is not expected")]
    [InlineData("plan show", "'plan'", "moa plan show --help")]
    [InlineData("score", "'--data'")]
    [InlineData("compress --out", "--out")]
    [InlineData("compress --items some", "--items some", "whole number")]
    [InlineData("compress --items 99999999999", "--items 99999999999", "whole number")]
    [InlineData("compress --items 0", "--items 0", "positive")]
    [InlineData("generate hi --seed -1", "--seed -1", "at least 0")]
    [InlineData("generate hi --temperature warm", "--temperature warm", "a number")]
    [InlineData("generate hi --temperature -1", "temperature -1")]
    [InlineData("generate hi --top-p 0", "top-p 0")]
    [InlineData("generate hi --max-new-tokens 0", "--max-new-tokens 0")]
    [InlineData("generate hi --template maybe", "--template maybe", "on, off or auto")]
    [InlineData("generate hi --prompt-file f", "given twice")]
    [InlineData("generate hi --kv int4", "--kv int4", "bf16, f32 or q8_0")]
    [InlineData("generate hi --threads 0", "--threads 0")]
    [InlineData("generate hi --policy magic", "--policy magic", "streaming-llm")]
    [InlineData("generate hi --policy streaming-llm", "streaming-llm:density=0.5")]
    [InlineData("generate hi --policy streaming-llm:density=2", "density above 0 and up to 1")]
    [InlineData("generate hi --policy streaming-llm:density", "key=value")]
    [InlineData("generate hi --policy dense:x=1", "'x'")]
    [InlineData("generate hi --policy moa", "--plan FILE")]
    [InlineData("compress --lengths 12x", "--lengths 12x", "'12x'")]
    [InlineData("compress --lengths 100", "--lengths 100", "multiple of 64")]
    [InlineData("compress --lengths ,", "--lengths")]
    [InlineData("compress --lengths 8192", "8192", "context is 4096")]
    [InlineData("compress --validate-length 5000", "5000", "context is 4096")]
    [InlineData("compress --retrieval-lengths 8192", "--retrieval-lengths 8192", "context is 4096")]
    [InlineData("compress --density 0", "--density 0")]
    [InlineData("compress --density half", "--density half", "such as 0.5")]
    [InlineData("compress --density-at 512", "--density-at 512", "512=0.6")]
    [InlineData("compress --density-at 640=0.5", "--density-at 640", "512, 1024, 2048")]
    [InlineData("compress --max-rules-per-layer few", "--max-rules-per-layer few", "none")]
    [InlineData("compress --alpha-interval 64 --alpha-count 6", "exclude each other")]
    [InlineData("score --data x --decode-from 0", "--decode-from 0")]
    [InlineData("score --data x --max-new-tokens -1", "--max-new-tokens -1")]
    [InlineData("optimize", "--profile DIR or --problem DIR")]
    [InlineData("model tokenize", "--data FILE.jsonl")]
    public void A_bad_argument_is_named_in_one_line(string line, params string[] words)
    {
        using TemporaryFolder folder = new();
        string[] args = line.Split(' ');
        string[] place = args[0] is "compress" or "optimize" && args.Length > 1 && args[^1] != "--out" ? ["--out", folder["out"]] : [];
        Invocation.Of([.. args, .. place]).AssertRefused(words);
        Assert.Empty(folder.Names());
    }

    [Fact]
    public void Words_after_two_dashes_and_words_with_an_at_sign_are_text()
    {
        Assert.Equal(0, Invocation.Of("model", "tokenize", "--", "--bogus").ExitCode);
        Invocation at = Invocation.Of("model", "tokenize", "@moa", "--no-special-tokens");
        Assert.Equal((0, ""), (at.ExitCode, at.Error));
        Assert.NotEmpty(at.Output.Trim().Split(' ').Select(id => int.Parse(id, CultureInfo.InvariantCulture)));
    }
}
