using System.CommandLine;
using System.Reflection;
using MoA.Cli.Output;
using MoA.Engine;

namespace MoA.Cli.Commands;

/// <summary><c>moa completion</c>: the script that lets a shell complete this program's words.</summary>
internal sealed class CompletionCommand : CliCommand
{
    private static readonly string[] Shells = ["bash", "zsh", "powershell"];

    private readonly Argument<string> _shell = new("shell")
    {
        Description = string.Join(", ", Shells),
        CompletionSources = { Shells },
    };

    public CompletionCommand(Streams streams)
        : base("completion", "Prints the script that lets a shell complete commands, options and their values. It asks the program for each word, " +
            "as dotnet-suggest does.", streams)
    {
        Examples =
        [
            "source <(moa completion bash)        # in ~/.bashrc",
            "source <(moa completion zsh)         # in ~/.zshrc, after compinit",
            "moa completion powershell | Out-String | Invoke-Expression   # in $PROFILE",
        ];
        Arguments.Add(_shell);
    }

    protected override void Run(CommandContext context)
    {
        string shell = context.Get(_shell)!;
        if (!Shells.Contains(shell))
            throw new InvalidInputException($"there is no completion for '{shell}'; expected one of {string.Join(", ", Shells)}");
        using StreamReader script = new(Assembly.GetExecutingAssembly().GetManifestResourceStream($"Completion.{shell}")!);
        string text = script.ReadToEnd();
        if (context.Json)
            context.WriteJson(writer => writer.WriteString("script", text));
        else
            context.Output.Write(text);
    }
}
