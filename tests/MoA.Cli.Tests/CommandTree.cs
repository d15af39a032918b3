using System.CommandLine;
using MoA.Cli;
using MoA.Cli.Output;

namespace MoA.Tests;

/// <summary>Every command that does something, with what it must be given.</summary>
internal static class CommandTree
{
    public static RootCommand Root { get; } = CommandLine.Build(new Streams(TextReader.Null, TextWriter.Null, TextWriter.Null, new Interrupts()));

    /// <summary>The commands, each with the words that name it.</summary>
    public static IEnumerable<(string[] Path, Command Command)> Commands => Below([], Root);

    /// <summary>Every option once, with a command that has it.</summary>
    public static IEnumerable<(string[] Path, Command Command, Option Option)> Options => Commands
        .SelectMany(entry => entry.Command.Options.Concat(Root.Options.Where(option => option.Recursive)).Select(option => (entry.Path, entry.Command, option)))
        .DistinctBy(entry => entry.option);

    /// <summary>What is wrong with a command line, or null; without building the tree again for each.</summary>
    public static string? ProblemOf(params string[] args) => ParseProblem.Find(Root.Parse(args), args);

    /// <summary>A command line that lacks nothing but one option or argument.</summary>
    public static string[] LineWithout(string[] path, Command command, Symbol left) =>
    [
        .. path,
        .. command.Arguments.Where(argument => argument != left && argument.Arity.MinimumNumberOfValues > 0).Select(_ => "x"),
        .. command.Options.Where(option => option != left && option.Required).SelectMany(option => new[] { option.Name, "x" }),
    ];

    private static IEnumerable<(string[], Command)> Below(string[] path, Command command) => command.Subcommands.Count == 0
        ? [(path, command)]
        : command.Subcommands.SelectMany(sub => Below([.. path, sub.Name], sub));
}
