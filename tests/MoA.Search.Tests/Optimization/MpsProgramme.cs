using System.Globalization;

namespace MoA.Search.Tests.Optimization;

/// <summary>A free-format MPS file as any other program would read it.</summary>
internal sealed class MpsProgramme
{
    private readonly Dictionary<string, (char Sense, Dictionary<string, double> Entries)> _rows = [];
    private readonly Dictionary<string, double> _rightSides = [];

    public string Objective { get; private set; } = "";

    public HashSet<string> Integers { get; } = [];

    public HashSet<string> Binaries { get; } = [];

    public IEnumerable<string> Rows => _rows.Keys;

    public IReadOnlyCollection<string> Columns => [.. _rows.Values.SelectMany(row => row.Entries.Keys).Distinct()];

    public static MpsProgramme Parse(IEnumerable<string> lines)
    {
        MpsProgramme programme = new();
        string section = "";
        bool isInteger = false;
        foreach (string line in lines)
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (line[0] != ' ')
                section = fields[0];
            else if (fields.Contains("'MARKER'"))
                isInteger = fields[2] == "'INTORG'";
            else
                programme.Add(section, fields, isInteger);
        }

        Assert.Equal("ENDATA", section);
        return programme;
    }

    /// <summary>The sum over a row's entries for columns that are 1.</summary>
    public double Activity(string row, IReadOnlySet<string> ones) =>
        _rows[row].Entries.Where(entry => ones.Contains(entry.Key)).Sum(entry => entry.Value);

    /// <summary>Whether every row holds, to a relative tolerance, when these columns are 1 and the others 0.</summary>
    public bool IsFeasible(IReadOnlySet<string> ones, double tolerance) => _rows.All(row =>
    {
        double excess = Activity(row.Key, ones) - _rightSides.GetValueOrDefault(row.Key);
        double allowed = tolerance * Math.Max(1, Math.Abs(_rightSides.GetValueOrDefault(row.Key)));
        return row.Value.Sense switch
        {
            'N' => true,
            'L' => excess <= allowed,
            'G' => excess >= -allowed,
            _ => Math.Abs(excess) <= allowed,
        };
    });

    private void Add(string section, string[] fields, bool isInteger)
    {
        switch (section)
        {
            case "ROWS":
                if (Objective.Length == 0 && fields[0] == "N")
                    Objective = fields[1];
                _rows.Add(fields[1], (fields[0][0], []));
                break;
            case "COLUMNS":
                if (isInteger)
                    _ = Integers.Add(fields[0]);
                _rows[fields[1]].Entries.Add(fields[0], double.Parse(fields[2], CultureInfo.InvariantCulture));
                break;
            case "RHS":
                _rightSides.Add(fields[1], double.Parse(fields[2], CultureInfo.InvariantCulture));
                break;
            case "BOUNDS":
                Assert.Equal(("BV", "BOUND"), (fields[0], fields[1]));
                _ = Binaries.Add(fields[2]);
                break;
            default:
                Assert.Fail($"a line in section {section}");
                break;
        }
    }
}
