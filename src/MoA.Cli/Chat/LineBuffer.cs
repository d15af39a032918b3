using System.Globalization;
using System.Text;

namespace MoA.Cli.Chat;

/// <summary>A text that is being typed, with a cursor that moves over whole characters as people see them.</summary>
internal sealed class LineBuffer
{
    private string _text = "";

    /// <summary>The text; setting it puts the cursor at its end.</summary>
    public string Text
    {
        get => _text;
        set => (_text, Cursor) = (value, value.Length);
    }

    /// <summary>How many UTF-16 units stand before the cursor.</summary>
    public int Cursor { get; private set; }

    public void Insert(string text)
    {
        _text = _text.Insert(Cursor, text);
        Cursor += text.Length;
    }

    public void Left() => Cursor = Before();

    public void Right() => Cursor = After();

    public void Home() => Cursor = 0;

    public void End() => Cursor = _text.Length;

    public void WordLeft() => Cursor = WordStart();

    public void WordRight()
    {
        while (Cursor < _text.Length && !char.IsLetterOrDigit(_text[Cursor]))
            Cursor++;
        while (Cursor < _text.Length && char.IsLetterOrDigit(_text[Cursor]))
            Cursor++;
    }

    public void DeleteBefore() => Remove(Before(), Cursor);

    public void DeleteAfter() => Remove(Cursor, After());

    public void DeleteWordBefore() => Remove(WordStart(), Cursor);

    public void DeleteToStart() => Remove(0, Cursor);

    public void DeleteToEnd() => Remove(Cursor, _text.Length);

    /// <summary>The text cut into rows of a width, without what a terminal would take for commands.</summary>
    /// <param name="prompt">What stands before the first row; later lines are indented as far.</param>
    /// <param name="width">Columns.</param>
    /// <returns>The rows, and where the cursor stands in them.</returns>
    public (IReadOnlyList<string> Rows, int Row, int Column) LayOut(string prompt, int width)
    {
        List<string> rows = [];
        StringBuilder row = new(prompt);
        int column = prompt.Length, cursorRow = 0, cursorColumn = column, at = 0;
        foreach (Rune rune in _text.EnumerateRunes())
        {
            bool breaks = rune.Value == '\n';
            int columns = breaks ? 0 : Columns(rune);
            if (column + columns > width)
                BeginRow(0);
            MarkCursor();
            at += rune.Utf16SequenceLength;
            if (breaks)
                BeginRow(prompt.Length);
            else
                _ = row.Append(Rune.IsControl(rune) ? " " : rune.ToString());
            column += columns;
        }

        if (column >= width)
            BeginRow(0);
        MarkCursor();
        rows.Add(row.ToString());
        return (rows, cursorRow, cursorColumn);

        void BeginRow(int indent)
        {
            rows.Add(row.ToString());
            _ = row.Clear().Append(' ', indent);
            column = indent;
        }

        void MarkCursor()
        {
            if (Cursor == at)
                (cursorRow, cursorColumn) = (rows.Count, column);
        }
    }

    private int Before() => StringInfo.ParseCombiningCharacters(_text[..Cursor]).LastOrDefault();

    private int After() => Cursor + StringInfo.GetNextTextElementLength(_text, Cursor);

    private int WordStart()
    {
        int start = Cursor;
        while (start > 0 && !char.IsLetterOrDigit(_text[start - 1]))
            start--;
        while (start > 0 && char.IsLetterOrDigit(_text[start - 1]))
            start--;
        return start;
    }

    private void Remove(int start, int end)
    {
        _text = _text.Remove(start, end - start);
        Cursor = start;
    }

    // East Asian characters and emoji take two columns, marks that go onto the character before none.
    private static int Columns(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format => 0,
        _ => rune.Value is (>= 0x1100 and <= 0x115F) or (>= 0x2E80 and <= 0xA4CF) or (>= 0xAC00 and <= 0xD7A3) or
            (>= 0xF900 and <= 0xFAFF) or (>= 0xFE30 and <= 0xFE6F) or (>= 0xFF00 and <= 0xFF60) or (>= 0xFFE0 and <= 0xFFE6) or
            (>= 0x1F300 and <= 0x1FAFF) or (>= 0x20000 and <= 0x3FFFD) ? 2 : 1,
    };
}
