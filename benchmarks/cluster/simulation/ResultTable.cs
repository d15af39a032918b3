using System.Globalization;
using System.Text;

namespace MoA.Cluster.Simulation;

/// <summary>A table that is printed row by row as Markdown and, with <c>--out</c>, written as CSV.</summary>
internal sealed class ResultTable
{
    private readonly string[] _columns;
    private readonly string? _path;
    private readonly StringBuilder _csv = new();

    public ResultTable(string? path, params string[] columns)
    {
        (_path, _columns) = (path, columns);
        Add(columns);
        Console.WriteLine("|" + string.Concat(Enumerable.Repeat(" --- |", columns.Length)));
    }

    /// <summary>The rows so far.</summary>
    public List<string[]> Rows { get; } = [];

    /// <summary>Adds a row; numbers with the digits that are worth reading.</summary>
    public void Add(params object[] row)
    {
        if (row.Length != _columns.Length)
            throw new InvalidOperationException($"a row of {row.Length} cells; expected {_columns.Length}");
        string[] cells = [.. row.Select(Text)];
        Rows.Add(cells);
        Console.WriteLine("| " + string.Join(" | ", cells) + " |");
        _ = _csv.AppendJoin(',', cells).Append('\n');
        if (_path is not null)
            File.WriteAllText(_path, _csv.ToString());
    }

    private static string Text(object cell) => cell switch
    {
        double number when double.IsInfinity(number) => "never",
        double number when number == 0 => "0",
        double number => Math.Abs(number) >= 100
            ? number.ToString("F0", CultureInfo.InvariantCulture)
            : number.ToString($"F{Math.Clamp(2 - (int)Math.Floor(Math.Log10(Math.Abs(number))), 0, 6)}", CultureInfo.InvariantCulture),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => cell.ToString()!,
    };
}
