using System.Globalization;
using System.Text;

namespace MoA.Cli.Chat;

/// <summary>
/// Reads lines from a terminal: cursor keys and those of Emacs edit, up and down recall earlier lines, and pasted text may
/// have several lines (terminals mark it on request).
/// </summary>
/// <param name="readKey">Waits for a key.</param>
/// <param name="keyAvailable">Whether a key waits: what is pasted is drawn once.</param>
/// <param name="output">The terminal.</param>
/// <param name="size">Its columns and rows.</param>
internal sealed class LineEditor(
    Func<ConsoleKeyInfo> readKey, Func<bool> keyAvailable, TextWriter output, Func<(int Columns, int Rows)> size) : IDisposable
{
    private const string MarkPastes = "\e[?2004h", LeavePastes = "\e[?2004l", PasteStart = "[200~", PasteEnd = "[201~";

    private readonly List<string> _history = [];
    private readonly LineBuffer _line = new();
    private string _prompt = "";
    private string _typed = "";
    private int _recalled;
    private int _row;
    private bool _reads;

    /// <summary>The editor of the console.</summary>
    public static LineEditor ForConsole() => new(
        () => Console.ReadKey(intercept: true), () => Console.KeyAvailable, Console.Error,
        () => (Console.WindowWidth, Console.WindowHeight));

    /// <summary>Reads a line; null when input was ended by Ctrl-D.</summary>
    public string? ReadLine(string prompt)
    {
        (_prompt, _line.Text, _row, _recalled, _reads) = (prompt, "", 0, _history.Count, true);
        output.Write(MarkPastes);
        Draw();
        bool? submits;
        do
        {
            submits = Take(readKey());
            if (!keyAvailable() || submits is not null)
                Draw(atEnd: submits is not null);
        }
        while (submits is null);
        Leave();
        if (submits == false)
            return null;
        if (_line.Text.Trim().Length > 0 && _history.LastOrDefault() != _line.Text)
            _history.Add(_line.Text);
        return _line.Text;
    }

    /// <summary>Leaves the terminal as it was, also while a line is being read.</summary>
    public void Dispose()
    {
        if (_reads)
            Leave();
    }

    private void Leave()
    {
        _reads = false;
        output.Write($"{LeavePastes}\r\n");
        output.Flush();
    }

    // True when the line is complete, false when input ends.
    private bool? Take(ConsoleKeyInfo key)
    {
        if (key.Key == ConsoleKey.Escape)
            TakeSequence();
        else if (key.KeyChar is '\r' or '\n')
            return true;
        else if (key is { Key: ConsoleKey.D, Modifiers: ConsoleModifiers.Control } && _line.Text.Length == 0)
            return false;
        else if (Edit(key) is Action edit)
            edit();
        else if (!char.IsControl(key.KeyChar))
            _line.Insert(key.KeyChar.ToString());
        return null;
    }

    private Action? Edit(ConsoleKeyInfo key)
    {
        bool control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
        return (key.Key, control) switch
        {
            (ConsoleKey.LeftArrow, true) => _line.WordLeft,
            (ConsoleKey.RightArrow, true) => _line.WordRight,
            (ConsoleKey.LeftArrow, _) or (ConsoleKey.B, true) => _line.Left,
            (ConsoleKey.RightArrow, _) or (ConsoleKey.F, true) => _line.Right,
            (ConsoleKey.Home, _) or (ConsoleKey.A, true) => _line.Home,
            (ConsoleKey.End, _) or (ConsoleKey.E, true) => _line.End,
            (ConsoleKey.Backspace, _) or (ConsoleKey.H, true) => _line.DeleteBefore,
            (ConsoleKey.Delete, _) or (ConsoleKey.D, true) => _line.DeleteAfter,
            (ConsoleKey.W, true) => _line.DeleteWordBefore,
            (ConsoleKey.U, true) => _line.DeleteToStart,
            (ConsoleKey.K, true) => _line.DeleteToEnd,
            (ConsoleKey.UpArrow, _) or (ConsoleKey.P, true) => () => Recall(_recalled - 1),
            (ConsoleKey.DownArrow, _) or (ConsoleKey.N, true) => () => Recall(_recalled + 1),
            _ => null,
        };
    }

    private void Recall(int index)
    {
        if (index < 0 || index > _history.Count)
            return;
        if (_recalled == _history.Count)
            _typed = _line.Text;
        _recalled = index;
        _line.Text = index == _history.Count ? _typed : _history[index];
    }

    // Escape alone, a letter with Alt, or a sequence that the console knows no key for, such as pasted text.
    private void TakeSequence()
    {
        StringBuilder sequence = new();
        while (keyAvailable() && sequence.Length < PasteStart.Length && PasteStart.StartsWith(sequence.ToString(), StringComparison.Ordinal))
            _ = sequence.Append(readKey().KeyChar);
        switch (sequence.ToString())
        {
            case PasteStart:
                TakePasted();
                break;
            case "b":
                _line.WordLeft();
                break;
            case "f":
                _line.WordRight();
                break;
        }
    }

    private void TakePasted()
    {
        StringBuilder pasted = new();
        string end = $"\e{PasteEnd}";
        while (pasted.Length < end.Length || pasted.ToString(pasted.Length - end.Length, end.Length) != end)
            _ = pasted.Append(readKey().KeyChar);
        _line.Insert(pasted.ToString(0, pasted.Length - end.Length).ReplaceLineEndings("\n").Trim('\n'));
    }

    // Rows are cut here rather than by the terminal; of a text that is taller than it, those around the cursor are shown.
    private void Draw(bool atEnd = false)
    {
        if (atEnd)
            _line.End();
        (int columns, int height) = size();
        (IReadOnlyList<string> rows, int row, int column) = _line.LayOut(_prompt, Math.Max(columns - 1, 8));
        int shown = Math.Min(rows.Count, Math.Max(height - 1, 1));
        int first = Math.Clamp(row - shown + 1, 0, rows.Count - shown);
        StringBuilder drawing = new();
        if (_row > 0)
            _ = drawing.Append(CultureInfo.InvariantCulture, $"\e[{_row}A");
        _ = drawing.Append("\r\e[J").AppendJoin("\r\n", rows.Skip(first).Take(shown));
        if (first + shown - 1 > row)
            _ = drawing.Append(CultureInfo.InvariantCulture, $"\e[{first + shown - 1 - row}A");
        _ = drawing.Append('\r');
        if (column > 0)
            _ = drawing.Append(CultureInfo.InvariantCulture, $"\e[{column}C");
        _row = row - first;
        output.Write(drawing.ToString());
        output.Flush();
    }
}
