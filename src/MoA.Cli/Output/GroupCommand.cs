using System.CommandLine;
using System.CommandLine.Help;
using MoA.Cli.Options;
using MoA.Engine;

namespace MoA.Cli.Output;

/// <summary>A command that only holds others: alone it shows its help.</summary>
internal sealed class GroupCommand : Command
{
    public GroupCommand(string name, string description, params ReadOnlySpan<Command> commands)
        : base(name, description)
    {
        foreach (Command command in commands)
            Subcommands.Add(command);
        SetAction(parsed => ShowHelp(parsed));
    }

    /// <summary>Shows the help of the command that was named, where people look for it.</summary>
    /// <exception cref="InvalidInputException">A program asked, which expects a JSON document.</exception>
    public static int ShowHelp(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        return parsed.GetValue(GlobalOptions.Json)
            ? throw new InvalidInputException(
                $"a command is missing; expected one of {string.Join(", ", command.Subcommands.Select(sub => sub.Name))}")
            : new HelpAction().Invoke(parsed);
    }
}
