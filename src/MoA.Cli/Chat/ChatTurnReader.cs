using System.Text;
using System.Text.RegularExpressions;
using MoA.Engine;

namespace MoA.Cli.Chat;

/// <summary>
/// Puts turns together from lines: a line is a turn, one that ends with a backslash goes on with the next, and
/// <c>"""</c> begins a text that ends with the next <c>"""</c> at a line's end. Lines without text are no turns.
/// </summary>
/// <param name="readLine">Reads a line after showing what is given; null at the end of input.</param>
internal sealed partial class ChatTurnReader(Func<string, string?> readLine)
{
    private const string Quotes = "\"\"\"";
    private const string First = "> ";
    private const string Next = ". ";

    /// <summary>The next turn; null at the end of input.</summary>
    /// <exception cref="InvalidInputException">The input ends within a text that <c>"""</c> began.</exception>
    public ChatTurn? Read()
    {
        while (readLine(First) is string line)
        {
            Match block = BlockStart().Match(line);
            string text = block.Success ? ReadBlock(line[block.Length..]) : ReadContinued(line);
            if (block.Success)
                return new ChatTurn(block.Groups[1].Success ? block.Groups[1].Value : null, text, IsBlock: true);
            if (string.IsNullOrWhiteSpace(text))
                continue;
            Match command = CommandStart().Match(text);
            return command.Success
                ? new ChatTurn(command.Groups[1].Value, text[command.Length..].Trim(), IsBlock: false)
                : new ChatTurn(null, text, IsBlock: false);
        }

        return null;
    }

    private string ReadContinued(string line)
    {
        StringBuilder text = new();
        while (EndsWithBackslash(line))
        {
            _ = text.Append(line, 0, line.Length - 1).Append('\n');
            if (readLine(Next) is not string next)
                return text.ToString().TrimEnd('\n');
            line = next;
        }

        return text.Append(line).ToString();
    }

    // Two backslashes are text.
    private static bool EndsWithBackslash(string line) => (line.Length - line.TrimEnd('\\').Length) % 2 == 1;

    private string ReadBlock(string rest)
    {
        List<string> lines = [];
        for (string? line = rest; line is not null; line = readLine(Next))
        {
            string end = line.TrimEnd();
            if (!end.EndsWith(Quotes, StringComparison.Ordinal))
            {
                lines.Add(line);
                continue;
            }

            // Quotes alone on a line are not a line of the text, neither where it begins nor where it ends.
            if (end.Length > Quotes.Length)
                lines.Add(end[..^Quotes.Length]);
            return string.Join('\n', lines is ["", _, ..] ? lines[1..] : lines);
        }

        throw new InvalidInputException($"the text that {Quotes} began has no end; expected {Quotes} at the end of a line");
    }

    [GeneratedRegex("^\\s*(?:/([A-Za-z]+)\\s+)?\"\"\"")]
    private static partial Regex BlockStart();

    [GeneratedRegex(@"^/([A-Za-z]+)(?=\s|$)")]
    private static partial Regex CommandStart();
}
