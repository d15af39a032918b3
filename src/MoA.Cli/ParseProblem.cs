using System.CommandLine;
using System.CommandLine.Parsing;
using MoA.Cli.Output;

namespace MoA.Cli;

/// <summary>Says in one line what is wrong with a command line.</summary>
internal static class ParseProblem
{
    /// <summary>The first problem, or null if the command line can be run.</summary>
    public static string? Find(ParseResult parsed)
    {
        if (parsed.Action is HelpWithExamples or ShowVersion)
            return null;
        string? problem = OfUnknownWord(parsed) ?? parsed.Errors.Select(Describe).FirstOrDefault();
        return problem is null ? null : $"{problem} (see: {Path(parsed.CommandResult)} --help)";
    }

    private static string? OfUnknownWord(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        if (Mistyped(parsed) is string option)
            return $"there is no option {option}";
        if (parsed.UnmatchedTokens.Count == 0)
            return null;
        string word = parsed.UnmatchedTokens[0];
        return command.Subcommands.Count > 0
            ? $"there is no command '{word}'; expected one of {string.Join(", ", command.Subcommands.Select(sub => sub.Name))}"
            : $"'{word}' is not expected here";
    }

    // The parser takes any word for an argument, so a mistyped option would become the prompt. Words after -- are meant.
    private static string? Mistyped(ParseResult parsed)
    {
        if (parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash))
            return null;
        IEnumerable<string> words = parsed.CommandResult.Children.OfType<ArgumentResult>()
            .SelectMany(argument => argument.Tokens.Select(token => token.Value))
            .Concat(parsed.UnmatchedTokens);
        return words.FirstOrDefault(word => word.Length > 1 && word[0] == '-' && !word.Contains(' ', StringComparison.Ordinal));
    }

    private static string Describe(ParseError error)
    {
        if (error.SymbolResult is OptionResult { Tokens: [Token value], Option: Option option } && Expected(option) is string expected)
            return $"{option.Name} {value.Value}: expected {expected}";
        string message = error.Message.ReplaceLineEndings(" ").Trim().TrimEnd('.');
        return char.ToLowerInvariant(message[0]) + message[1..];
    }

    private static string? Expected(Option option) =>
        (Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType) switch
        {
            Type type when type == typeof(int) => "a whole number",
            Type type when type == typeof(ulong) => "a whole number, at least 0",
            Type type when type == typeof(double) => "a number",
            _ => null,
        };

    private static string Path(CommandResult command) => command.Parent is CommandResult parent
        ? $"{Path(parent)} {command.Command.Name}"
        : "moa";
}
