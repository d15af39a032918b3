namespace MoA.Tests;

/// <summary>What shells offer: through the directive that dotnet-suggest uses too, and through the scripts.</summary>
public sealed class CompletionTests
{
    [Theory]
    [InlineData("", "compress", "eval", "model", "--json")]
    [InlineData("ev", "eval")]
    [InlineData("eval ", "retrieval", "needle", "compare")]
    [InlineData("eval needle --de", "--depths", "--densities")]
    [InlineData("generate hi --policy ", "dense", "streaming-llm", "razor-attention")]
    [InlineData("eval retrieval --policy a", "all", "snapkv")]
    [InlineData("generate hi --kv ", "bf16", "f32", "q8_0")]
    [InlineData("generate hi --weights q", "q8_0", "q4_0", "q4_k", "q5_k", "q6_k")]
    [InlineData("generate hi --mmap ", "auto", "on", "off")]
    [InlineData("generate hi --template ", "on", "off", "auto")]
    [InlineData("model random --shape ", "llama-3.2-1b", "vicuna-7b")]
    [InlineData("eval perplexity --through ", "decode", "prefill")]
    [InlineData("eval longbench --datasets ", "qasper", "hotpotqa")]
    [InlineData("plan convert a b --to ", "moa", "research")]
    [InlineData("completion ", "bash", "zsh", "powershell")]
    public void Words_that_may_stand_at_the_cursor(string line, params string[] words)
    {
        Invocation run = Invocation.Of($"[suggest:{line.Length}]", line);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        HashSet<string> offered = [.. run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)];
        Assert.Subset(offered, new HashSet<string>(words));
    }

    [Theory]
    [InlineData("moa ev", "eval")]
    [InlineData("moa eval re", "recital", "retrieval")]
    [InlineData("moa eval retrieval --policy st", "streaming-llm")]
    [InlineData("moa generate hi --kv ", "bf16", "f32", "q8_0")]
    [InlineData("moa generate hi --plan /nowhere/")]
    public void Bash_completes(string line, params string[] words)
    {
        if (OperatingSystem.IsWindows())
            return;
        using TemporaryFolder folder = new();
        string script = folder.Write("moa.bash", Invocation.Of("completion", "bash").Output);
        string shell = $$"""
            moa () { dotnet '{{Path.Combine(AppContext.BaseDirectory, "moa.dll")}}' "$@"; }
            source '{{script}}'
            COMP_LINE='{{line}}' COMP_POINT={{line.Length}} COMP_WORDS=({{line}})
            _moa
            printf '%s\n' "${COMPREPLY[@]}"
            complete -p moa
            """;
        using ChildProcess child = ChildProcess.Bash(shell);
        Invocation run = child.WaitForEnd();
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(words, lines[..^1].Order(StringComparer.Ordinal));
        Assert.Equal("complete -o default -F _moa moa", lines[^1]);
    }

    [Theory]
    [InlineData("bash", "complete -o default -F _moa moa")]
    [InlineData("zsh", "compdef _moa moa")]
    [InlineData("powershell", "Register-ArgumentCompleter -Native -CommandName moa")]
    public void Each_script_registers_itself(string shell, string line) =>
        Assert.Contains(line, Invocation.Of("completion", shell).Output, StringComparison.Ordinal);

    [Fact]
    public void A_shell_that_is_not_known() => Invocation.Of("completion", "dos").AssertRefused("'dos'", "bash, zsh, powershell");
}
