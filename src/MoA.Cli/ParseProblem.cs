using System.CommandLine;
using System.CommandLine.Parsing;
using MoA.Cli.Output;

namespace MoA.Cli;

/// <summary>Says in one line what is wrong with a command line.</summary>
internal static class ParseProblem
{
    /// <summary>How the help calls a value that may be empty.</summary>
    private const string Text = "TEXT";

    /// <summary>The first problem, or null if the command line can be run.</summary>
    /// <param name="parsed">What was read.</param>
    /// <param name="args">The words that were read.</param>
    public static string? Find(ParseResult parsed, string[] args)
    {
        if (parsed.Action is HelpWithExamples or ShowVersion || parsed.Tokens.Any(token => token.Type == TokenType.Directive))
            return null;
        string? problem = OfEmptyValue(parsed, args) ?? OfUnknownWord(parsed) ?? parsed.Errors.Select(Describe).FirstOrDefault();
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

    // What a shell leaves of a variable that is not set. Only a text may be empty.
    private static string? OfEmptyValue(ParseResult parsed, string[] args)
    {
        // After "--plan=" with nothing behind it the parser takes the next word for the plan.
        foreach (string word in args.TakeWhile(word => word != "--").Where(word => word is ['-', .., '=' or ':']))
        {
            if (parsed.Tokens.Any(token => token.Type == TokenType.Option && token.Value == word[..^1]))
                return $"{word} is empty: expected a value right after it";
        }

        for (CommandResult? command = parsed.CommandResult; command is not null; command = command.Parent as CommandResult)
        {
            foreach (SymbolResult part in command.Children)
            {
                (string name, string expected) = part switch
                {
                    OptionResult { Option: Option option } => (option.Name, option.HelpName ?? "a value"),
                    ArgumentResult { Argument: Argument argument } => (argument.Name, argument.HelpName ?? argument.Name),
                    _ => ("", Text),
                };
                if (!expected.Equals(Text, StringComparison.OrdinalIgnoreCase) && part.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value)))
                    return $"{name} is empty: expected {expected}";
            }
        }

        return null;
    }

    private static string Describe(ParseError error)
    {
        string message = error.Message.ReplaceLineEndings(" ").Trim().TrimEnd('.');
        return char.ToLowerInvariant(message[0]) + message[1..];
    }

    private static string Path(CommandResult command) => command.Parent is CommandResult parent
        ? $"{Path(parent)} {command.Command.Name}"
        : "moa";
}
