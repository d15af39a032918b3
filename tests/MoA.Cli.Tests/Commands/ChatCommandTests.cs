using System.Text.Json;
using MoA.Cli;
using MoA.Cli.Output;

namespace MoA.Tests.Commands;

/// <summary>Conversations from a pipe; the demo model answers small records of this form (its README).</summary>
public sealed class ChatCommandTests
{
    private const string Record =
        "Below is a record of lines. Remember the REGISTER_CONTENT of each line.\n" +
        "line blunt-otter: REGISTER_CONTENT is <40893>\n" +
        "line tidy-lake: REGISTER_CONTENT is <23743>\n" +
        "What is the <REGISTER_CONTENT> in line blunt-otter?";

    private const string First = "The <REGISTER_CONTENT> in line blunt-otter is <40893>.";
    private const string Follow = "What is the <REGISTER_CONTENT> in line tidy-lake?";
    private const string Second = "The <REGISTER_CONTENT> in line tidy-lake is <23743>.";

    /// <summary>Three ways of writing the same message of several lines.</summary>
    public static TheoryData<string> Messages =>
    [
        string.Join("\\\n", Record.Split('\n')),
        $"\"\"\"{Record}\"\"\"",
        $"\"\"\"\n{Record}\n\"\"\"",
    ];

    [Theory]
    [MemberData(nameof(Messages))]
    public void Lines_without_text_are_no_turns_and_end_nothing(string message)
    {
        string input = $"\n   \n{message}\n\n\t\n{Follow}\n\n";
        JsonElement[] messages = Chat(input);
        Assert.Equal(["user", "assistant", "user", "assistant"], messages.Select(message => Text(message, "role")));
        Assert.Equal([Record, First, Follow, Second], messages.Select(message => Text(message, "content")));
        Invocation text = Invocation.WithInput(input, "chat");
        Assert.Equal((0, $"{First}{Environment.NewLine}{Second}{Environment.NewLine}"), (text.ExitCode, text.Output));
    }

    [Fact]
    public void Exit_ends_and_leaves_the_rest_unread()
    {
        using TemporaryFolder folder = new();
        string file = folder.Write("record.txt", Record);
        JsonElement[] messages = Chat($"/file {file}\n/exit\n{Follow}\n");
        Assert.Equal([Record, First], messages.Select(message => Text(message, "content")));
    }

    [Fact]
    public void A_saved_conversation_can_be_cleared_and_loaded()
    {
        using TemporaryFolder folder = new();
        string record = folder.Write("record.txt", Record), saved = folder["kept/talk.jsonl"];
        JsonElement[] messages = Chat($"/system Be brief.\n/file {record}\n/save {saved}\n/clear\n/load {saved}\n{Follow}\n");
        Assert.Equal(["system", "user", "assistant", "user", "assistant"], messages.Select(message => Text(message, "role")));
        Assert.Equal(["Be brief.", Record, First, Follow, Second], messages.Select(message => Text(message, "content")));
        using JsonDocument line = JsonDocument.Parse(Assert.Single(File.ReadAllLines(saved)));
        Assert.Equal(3, line.RootElement.GetProperty("messages").GetArrayLength());
        Assert.Equal(["talk.jsonl"], Directory.GetFileSystemEntries(folder["kept"]).Select(Path.GetFileName));
        JsonElement[] other = Chat($"/load {saved}\n/clear\n/exit\n"); // the system's message stays
        Assert.Equal("Be brief.", Text(Assert.Single(other), "content"));
        Assert.Empty(Chat($"/load {saved}\n/clear\n/system \"\"\n/exit\n"));
    }

    public static TheoryData<string, string> Mistakes => new()
    {
        { "/file none.txt", "none.txt" },
        { "/file", "/file: expected a path" },
        { "/load none.jsonl", "none.jsonl" },
        { "/load ", "/load: expected a path" },
        { "/save talk.jsonl", "nothing to save" },
        { "/etc is a folder", "there is no command /etc; expected one of /exit /clear /system /file /save /load /help" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_is_said_in_one_line_and_the_chat_goes_on(string line, string words)
    {
        Invocation run = Invocation.WithInput($"{line}\n\"\"\"{Record}\"\"\"\n", "chat", "--quiet");
        Assert.Equal((2, First + Environment.NewLine), (run.ExitCode, run.Output));
        run.AssertOneLine(words);
    }

    /// <summary>Answers that cannot be written anywhere end the program, as with every command.</summary>
    [Fact]
    public void An_output_that_fails_ends_the_conversation()
    {
        using Interrupts interrupts = new();
        using StringReader input = new("a\nb\n");
        using FullWriter output = new();
        using StringWriter error = new();
        Assert.Equal(1, CommandLine.Run(["chat", "-n", "2", "--quiet"], new Streams(input, output, error, interrupts)));
        Assert.Equal($"moa: full{Environment.NewLine}", error.ToString());
    }

    [Fact]
    public void Files_that_are_no_conversation_are_refused_by_load()
    {
        using TemporaryFolder folder = new();
        string two = folder.Write("two.jsonl", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\n{\"text\":\"b\"}\n");
        string text = folder.Write("text.jsonl", "{\"text\":\"b\"}\n"), broken = folder.Write("broken.jsonl", "{\"messages\":[\n");
        Invocation run = Invocation.WithInput($"/load {two}\n/load {text}\n/load {broken}\n", "chat", "--json");
        Assert.Equal(2, run.ExitCode);
        Assert.Equal(0, run.Document().GetProperty("messages").GetArrayLength());
        string[] lines = run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, lines.Length);
        Assert.Contains("several conversations", lines[0], StringComparison.Ordinal);
        Assert.Contains("holds no messages", lines[1], StringComparison.Ordinal);
        Assert.Contains("broken.jsonl:1", lines[2], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"\"\"one\ntwo\n", "no end")]
    public void A_text_without_its_end_is_no_turn(string input, string words)
    {
        Invocation run = Invocation.WithInput(input, "chat", "--quiet");
        Assert.Equal((2, ""), (run.ExitCode, run.Output));
        run.AssertOneLine(words);
    }

    [Fact]
    public void Help_names_every_command_and_a_path_is_text()
    {
        Invocation run = Invocation.WithInput("/help\n/system\n/system Be brief.\n/system\n", "chat");
        foreach (string name in new[] { "/exit", "/clear", "/system", "/file", "/save", "/load", "/help" })
            Assert.Contains($"  {name} ", run.Error, StringComparison.Ordinal);
        Assert.Contains("Be brief.", run.Error, StringComparison.Ordinal);
        Assert.Equal((0, ""), (run.ExitCode, run.Output));
        Assert.Equal("/usr/bin is a", Text(Chat("/usr/bin is a\n", "-n", "1")[0], "content"));
        Assert.Equal("/exit", Text(Chat("\"\"\"/exit\"\"\"\n", "-n", "1")[0], "content"));
    }

    /// <summary>Ctrl-C while the fifth piece of the first answer is shown; the second turn goes on with what was kept.</summary>
    [Fact]
    public void Interrupting_an_answer_keeps_it_and_asks_for_the_next_line()
    {
        using Interrupts interrupts = new();
        using InterruptingWriter output = new(interrupts, pieces: 5);
        using StringReader input = new($"\"\"\"{Record}\"\"\"\n{Follow}\n");
        using StringWriter error = new();
        Assert.Equal(0, CommandLine.Run(["chat"], new Streams(input, output, error, interrupts)));
        string[] answers = output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, answers.Length);
        Assert.StartsWith(answers[0], First, StringComparison.Ordinal);
        Assert.NotEqual(First, answers[0]);
        Assert.Equal(Second, answers[1]);
        string[] notes = error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("[stopped; ", notes[0], StringComparison.Ordinal);
        Assert.DoesNotContain("read again", notes[1], StringComparison.Ordinal);
    }

    /// <summary>Twice within an answer, and once where nothing runs, end the program.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    public void Interrupting_again_or_between_turns_ends_with_130(int times)
    {
        using Interrupts interrupts = new();
        using InterruptingWriter output = new(interrupts, pieces: 5) { Times = times };
        using TextReader input = times == 0 ? new InterruptingReader(interrupts) : new StringReader($"\"\"\"{Record}\"\"\"\n{Follow}\n");
        using StringWriter error = new();
        Assert.Equal(130, CommandLine.Run(["chat", "--quiet"], new Streams(input, output, error, interrupts)));
        Assert.EndsWith($"moa: interrupted{Environment.NewLine}", error.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(Second, output.ToString(), StringComparison.Ordinal);
    }

    private static JsonElement[] Chat(string input, params string[] options)
    {
        Invocation run = Invocation.WithInput(input, ["chat", "--json", "--quiet", .. options]);
        Assert.True(run.ExitCode == 0, run.Error);
        return [.. run.Document().GetProperty("messages").EnumerateArray()];
    }

    private static string? Text(JsonElement message, string name) => message.GetProperty(name).GetString();

    private sealed class FullWriter : StringWriter
    {
        public override void Write(string? value) => throw new IOException("full");
    }

    private sealed class InterruptingWriter(Interrupts interrupts, int pieces) : StringWriter
    {
        private int _pieces;

        public int Times { get; init; } = 1;

        public override void Write(string? value)
        {
            base.Write(value);
            if (++_pieces != pieces)
                return;
            for (int i = 0; i < Times; i++)
                Assert.True(interrupts.Interrupt());
        }
    }

    // A person who presses Ctrl-C at the prompt, and never a line's end.
    private sealed class InterruptingReader(Interrupts interrupts) : TextReader
    {
        public override string? ReadLine()
        {
            _ = interrupts.Interrupt();
            Thread.Sleep(Timeout.Infinite);
            return null;
        }
    }
}
