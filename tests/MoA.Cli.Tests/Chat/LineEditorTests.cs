using System.Globalization;
using MoA.Cli.Chat;

namespace MoA.Tests.Chat;

/// <summary>What keys do, and what a terminal then shows: a small one of 20 columns and 6 rows stands in for it.</summary>
public sealed class LineEditorTests
{
    [Theory]
    [InlineData("abc\r", "abc")]
    [InlineData("abc\n", "abc")]
    [InlineData("abc<Left><Left>X\r", "aXbc")]
    [InlineData("abc<Home>X<End>Y\r", "XabcY")]
    [InlineData("abc<^A>X<^E>Y<^B>Z\r", "XabcZY")]
    [InlineData("abc<Backspace><Left><Delete>\r", "a")]
    [InlineData("one two  three<^W>\r", "one two  ")]
    [InlineData("one two three<^Left><^Left>X\r", "one Xtwo three")]
    [InlineData("abc<^Left><^K>d<^U>e\r", "e")]
    [InlineData("ab<^B><^D><^D>\r", "a")] // Ctrl-D in a line deletes
    [InlineData("a😀é你<Left><Left><Left>X<Backspace><Backspace>\r", "😀é你")] // whole characters, whatever their length
    [InlineData("one two<Escape>bX<Escape>fY\r", "one XtwoY")] // Alt-B and Alt-F
    [InlineData("x<Paste>one\rtwo\nthree\r<Pasted>y\r", "xone\ntwo\nthreey")]
    public void Keys_edit(string keys, string line) => Assert.Equal(line, Read(keys).Lines[0]);

    [Fact]
    public void Earlier_lines_come_back()
    {
        (IReadOnlyList<string?> lines, _) = Read("one\rtwo\r\rtwo\rnew<Up><Up>!\r<Up><Down>x\rz<Up><Up><Up><Up><Up><Down>\r", lines: 7);
        // "two" was entered twice in a row and an empty line is no history.
        Assert.Equal((string?[])["one", "two", "", "two", "one!", "x", "two"], lines.AsEnumerable());
    }

    [Fact]
    public void Control_D_ends_the_input_of_an_empty_line() => Assert.Null(Assert.Single(Read("<^D>").Lines));

    [Theory]
    [InlineData("hello", "> hello|")]
    [InlineData("hello<Left><Left>", "> hel|lo")]
    [InlineData("0123456789abcdefghij", "> 0123456789abcdefg/hij|")] // 19 columns, the last of the 20 stays free
    [InlineData("0123456789abcdefg", "> 0123456789abcdefg/|")]
    [InlineData("你好你好你好你好你好", "> 你好你好你好你好/你好|")] // two columns each
    [InlineData("你好<Left>", "> 你|好")]
    [InlineData("a<Paste>b\nc\n\td<Pasted>", "> ab/  c/   d|")]
    [InlineData("a<Paste>b\nc<Pasted><^Left><Left><Left>", "> a|b/  c")]
    [InlineData("<Paste>1\n2\n3\n4\n5\n6\n7\n8<Pasted>", "  4/  5/  6/  7/  8|")] // no more rows than there are
    [InlineData("a<Paste>1\n2\n3<Pasted><^U>b", "> b|")] // nothing is left of what was longer
    public void The_terminal_shows_the_line_and_the_cursor(string keys, string screen) => Assert.Equal(screen, Read(keys).Screen);

    [Fact]
    public void Leaving_in_the_middle_leaves_a_clean_terminal()
    {
        using StringWriter output = new();
        LineEditor editor = new(() => throw new OperationCanceledException(), () => false, output, () => (20, 6));
        _ = Assert.Throws<OperationCanceledException>(() => editor.ReadLine("> "));
        editor.Dispose();
        Assert.EndsWith("\e[?2004l\r\n", output.ToString(), StringComparison.Ordinal);
    }

    // Reads lines from keys; when those run out, stops in the middle of a line and gives what the terminal shows.
    private static (IReadOnlyList<string?> Lines, string Screen) Read(string keys, int lines = 1)
    {
        Queue<ConsoleKeyInfo> waiting = new(Keys(keys));
        using StringWriter output = new();
        using LineEditor editor = new(
            () => waiting.Count > 0 ? waiting.Dequeue() : throw new OperationCanceledException(), () => waiting.Count > 0, output, () => (20, 6));
        List<string?> read = [];
        try
        {
            for (int i = 0; i < lines; i++)
                read.Add(editor.ReadLine("> "));
        }
        catch (OperationCanceledException)
        {
        }

        return (read, new Terminal(output.ToString(), height: 5 + lines).ToString());
    }

    private static IEnumerable<ConsoleKeyInfo> Keys(string text)
    {
        for (int at = 0; at < text.Length; at++)
        {
            if (text[at] != '<')
            {
                yield return new ConsoleKeyInfo(text[at], text[at] is '\r' or '\n' ? ConsoleKey.Enter : ConsoleKey.None, false, false, false);
                continue;
            }

            int end = text.IndexOf('>', at);
            string name = text[(at + 1)..end];
            at = end;
            if (name is "Paste" or "Pasted") // as the console gives sequences that it does not know
            {
                yield return new ConsoleKeyInfo('\e', ConsoleKey.Escape, false, false, false);
                foreach (char c in name == "Paste" ? "[200~" : "[201~")
                    yield return new ConsoleKeyInfo(c, ConsoleKey.None, false, false, false);
                continue;
            }

            bool control = name[0] == '^';
            name = name.TrimStart('^');
            ConsoleKey key = name is "Left" or "Up" or "Down" ? Enum.Parse<ConsoleKey>($"{name}Arrow") : Enum.Parse<ConsoleKey>(name);
            yield return new ConsoleKeyInfo(control && name.Length == 1 ? (char)(name[0] - '@') : '\0', key, false, false, control);
        }
    }

    /// <summary>Shows what is written to it, as far as the editor goes: text, returns, moves up and right, erasing below.</summary>
    private sealed class Terminal
    {
        private readonly List<List<string>> _rows = [[]];
        private readonly int _height;
        private int _row;
        private int _column;

        public Terminal(string written, int height)
        {
            _height = height;
            for (int at = 0; at < written.Length; at++)
            {
                if (written[at] == '\r')
                    _column = 0;
                else if (written[at] == '\n')
                    Down();
                else if (written[at] == '\e')
                    at = Command(written, at);
                else
                    at = Put(written, at);
            }
        }

        // Rows are divided by /, and | is the cursor; a character of two columns fills the second with nothing.
        public override string ToString() => string.Join('/', _rows.Select((cells, row) =>
            string.Concat(cells.Take(row == _row ? _column : cells.Count)) + (row == _row ? "|" + string.Concat(cells.Skip(_column)) : "")));

        private int Command(string written, int at)
        {
            int end = at + 2;
            while (!char.IsLetter(written[end]))
                end++;
            string argument = written[(at + 2)..end];
            switch (written[end])
            {
                case 'A':
                    _row -= int.Parse(argument, CultureInfo.InvariantCulture);
                    Assert.True(_row >= 0, "above the screen");
                    break;
                case 'C':
                    _column += int.Parse(argument, CultureInfo.InvariantCulture);
                    break;
                case 'J':
                    _rows.RemoveRange(_row + 1, _rows.Count - _row - 1);
                    _rows[_row].RemoveRange(_column, Math.Max(0, _rows[_row].Count - _column));
                    break;
            }

            return end;
        }

        private int Put(string written, int at)
        {
            int length = StringInfo.GetNextTextElementLength(written, at);
            bool isWide = written[at] is >= '\u2E80' and <= '\uA4CF' || char.IsHighSurrogate(written[at]);
            foreach (string cell in isWide ? new[] { written.Substring(at, length), "" } : [written.Substring(at, length)])
            {
                Assert.True(_column < 20, "beyond the last column");
                if (_column == _rows[_row].Count)
                    _rows[_row].Add(cell);
                else
                    _rows[_row][_column] = cell;
                _column++;
            }

            return at + length - 1;
        }

        private void Down()
        {
            _row++;
            if (_row == _rows.Count)
                _rows.Add([]);
            Assert.True(_rows.Count <= _height, "the terminal would scroll");
        }
    }
}
