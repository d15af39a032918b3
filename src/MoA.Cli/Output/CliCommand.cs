using System.CommandLine;

namespace MoA.Cli.Output;

/// <summary>A command that runs to its end or throws; <see cref="CommandLine"/> turns exceptions into exit codes.</summary>
internal abstract class CliCommand : Command
{
    protected CliCommand(string name, string description, Streams streams)
        : base(name, description)
    {
        SetAction((parsed, cancellation) =>
        {
            CommandContext context = new(parsed, streams, cancellation);
            Run(context);
            return Task.FromResult(context.ExitCode);
        });
    }

    /// <summary>Command lines to learn from; shown after the help text.</summary>
    public IReadOnlyList<string> Examples { get; protected init; } = [];

    /// <summary>Whether an interrupted run leaves finished work that the next one uses.</summary>
    public bool KeepsFinishedWork { get; protected set; }

    protected abstract void Run(CommandContext context);
}
